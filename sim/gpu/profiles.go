package gpu

import "tensoros/sim/gpu/sm"

// KernelProfile is all launches of a kernel together.
type KernelProfile struct {
	Kernel   string
	Source   string // of the PTX
	Launches int
	*sm.Profile
}

// profiles are those of kernels, in the order of their first launch.
type profiles struct {
	list []KernelProfile
	of   map[*sm.Program]int
}

func (p *profiles) add(prog *sm.Program, launch *sm.Profile) {
	if launch == nil {
		return
	}
	i, ok := p.of[prog]
	if !ok {
		if p.of == nil {
			p.of = map[*sm.Program]int{}
		}
		i = len(p.list)
		p.of[prog] = i
		p.list = append(p.list, KernelProfile{Kernel: prog.Name, Source: prog.Source(),
			Profile: sm.NewProfile(prog)})
	}
	p.list[i].Launches++
	p.list[i].Add(launch)
}

// Profiles are the warp cycles of all launches so far; empty without Options.Profile.
func (a *Accelerator) Profiles() []KernelProfile { return a.profiles.list }

// Profiles are the warp cycles of all grids so far, since a reset; empty without a recorder.
func (g *GPU) Profiles() []KernelProfile { return g.profiles.list }

func (a *Accelerator) note(k *Kernel, r Run, err error) {
	if err == nil {
		a.profiles.add(k.prog, r.Profile)
	}
}

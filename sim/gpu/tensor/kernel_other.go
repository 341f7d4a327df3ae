//go:build !amd64

package tensor

const haveAVX2 = false

// kernelParams is what the assembly needs; there is none here.
type kernelParams struct{}

func newKernelParams(*Unit) kernelParams { return kernelParams{} }

func (u *Unit) decodeA()      { u.oddA = u.decodeAGo() }
func (u *Unit) decodeB()      { u.oddB, u.hasB = u.decodeBGo(), true }
func (u *Unit) runFast() bool { return false }

func (u *Unit) runPairs(a *[rows][maxK / 2]uint32, b *[maxK / 2][cols]uint32) { u.runPairsGo(a, b) }

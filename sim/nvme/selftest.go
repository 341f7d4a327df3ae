package nvme

import (
	"encoding/binary"

	spec "tensoros/hw/spec/nvme"
	"tensoros/sim"
)

// What the self-tests take; EDSTT tells the extended one's in minutes. No drive's figures: the
// standard bounds the short one by two minutes [D].
const (
	shortTest    = 60 * sim.Second
	extendedTest = 120 * sim.Second
)

// Results of a self-test (Base, figure 216).
const (
	testPassed            = 0
	testAbortedByCommand  = 1
	testAbortedByReset    = 2
	testAbortedByFormat   = 4
	testAbortedBySanitize = 9
	testResultUnused      = 0xf
)

// testsKept is the results of the log page.
const testsKept = 20

// testResult is an entry of the log page.
type testResult struct {
	Code, Result uint8
	NSID         uint32
	Hours        uint64
}

// selfTest is the test that runs and those that ran, newest first.
type selfTest struct {
	Results    []testResult
	code       uint8
	nsid       uint32
	from, to   sim.Time
	generation uint64
}

func (t *selfTest) running() bool { return t.code != 0 }

// startTest is Device Self-test: it answers at once and goes on behind.
func (c *Controller) startTest(cmd *command) spec.Status {
	t := &c.test
	id := cmd.e.NSID
	if id != 0 && id != spec.AllNamespaces {
		switch {
		case id > maxSpaces:
			return cmd.blame(4, 0, spec.InvalidNamespace)
		case c.spaces.active(id) == nil:
			return cmd.bad(4, 0)
		}
	}
	code := spec.SelfTestCode.Get(uint64(cmd.e.CDW10))
	switch {
	case code == spec.SelfTestAbort:
		if t.running() {
			t.end(c, testAbortedByCommand)
		}
		return spec.Success
	case code != spec.SelfTestShort && code != spec.SelfTestExtended:
		return cmd.bad(40, 0)
	case t.running():
		return spec.SelfTestInProgress
	}
	d := shortTest
	if code == spec.SelfTestExtended {
		d = extendedTest
	}
	t.code, t.nsid, t.from, t.to = uint8(code), id, c.eng.Now(), c.eng.Now()+d
	t.generation++
	c.eng.At(t.to, c, evTested, t.generation)
	return spec.Success
}

func (c *Controller) tested(generation uint64) {
	if c.test.running() && c.test.generation == generation {
		c.test.end(c, testPassed)
	}
}

// end records how a test ended.
func (t *selfTest) end(c *Controller, result uint8) {
	r := testResult{t.code, result, t.nsid,
		uint64((c.smart.On + c.eng.Now()) / (3600 * sim.Second))}
	t.Results = append([]testResult{r}, t.Results[:min(len(t.Results), testsKept-1)]...)
	t.code = 0
	c.save()
}

// resetBy ends a short test; an extended one goes on over a reset (Base, 8.7).
func (t *selfTest) resetBy(c *Controller) {
	if t.code == spec.SelfTestShort {
		t.end(c, testAbortedByReset)
	}
}

// encode fills the Device Self-test page (Base, 5.16.1.7).
func (t *selfTest) encode(c *Controller, p []byte) {
	if t.running() {
		p[0] = t.code
		p[1] = uint8(100 * (c.eng.Now() - t.from) / (t.to - t.from))
	}
	for i := range testsKept {
		e := p[4+28*i:]
		if i >= len(t.Results) {
			e[0] = testResultUnused
			continue
		}
		r := &t.Results[i]
		e[0] = r.Code<<4 | r.Result
		binary.LittleEndian.PutUint64(e[4:], r.Hours)
		if r.NSID != 0 {
			e[2] = 1 // the NSID is valid
			binary.LittleEndian.PutUint32(e[12:], r.NSID)
		}
	}
}

package pcie

import "tensoros/sim"

// lease says when credits come back: those of n packets, step apart from at on, the last of them at
// end; each data credits, the last tail.
type lease struct {
	at, step, end sim.Time
	n             int64
	data, tail    int32
}

// credits are the transmitter's view of one class of its receiver's buffers. They come back with
// time stamps and are counted when somebody needs them: no event, unless a packet waits.
type credits struct {
	header, data           int64
	headerTotal, dataTotal int64
	leases                 []lease // in order of at
	head                   int
}

func newCredits(header, data int64) credits {
	return credits{header: header, data: data, headerTotal: header, dataTotal: data}
}

// enough reports whether n headers and data units can be had at time t.
func (c *credits) enough(n, data int64, t sim.Time) bool {
	if c.header >= n && c.data >= data {
		return true
	}
	c.drain(t)
	return c.header >= n && c.data >= data
}

// ahead reports whether n packets of data units each, the last of tail, find their credits although
// they leave without a pause, step apart from start on: those that are known to come back in time
// count. It may say no where leases overlap.
func (c *credits) ahead(n, data, tail int64, start, step sim.Time) bool {
	c.drain(start)
	header, have := c.header, c.data
	i, k := c.head, int64(0) // the lease, and its packet, that comes back next
	for t := start; n > 0; t += step {
		for i < len(c.leases) {
			l := &c.leases[i]
			if k < l.n-1 {
				if l.at+sim.Time(k)*l.step > t {
					break
				}
				have += int64(l.data)
				k++
			} else if l.end > t {
				break
			} else {
				have += int64(l.tail)
				i, k = i+1, 0
			}
			header++
		}
		if n--; n == 0 {
			data = tail
		}
		header--
		have -= data
		if header < 0 || have < 0 {
			return false
		}
	}
	return true
}

func (c *credits) take(n, data int64) {
	c.header -= n
	c.data -= data
}

// give notes a return. Most come in order.
func (c *credits) give(l lease) {
	if c.head > 32 && 2*c.head > len(c.leases) {
		c.leases = c.leases[:copy(c.leases, c.leases[c.head:])]
		c.head = 0
	}
	c.leases = append(c.leases, l)
	i := len(c.leases) - 1
	for ; i > c.head && c.leases[i-1].at > l.at; i-- {
		c.leases[i] = c.leases[i-1]
	}
	c.leases[i] = l
}

// drain counts what has come back by t.
func (c *credits) drain(t sim.Time) {
	for c.head < len(c.leases) && c.leases[c.head].at <= t {
		l := &c.leases[c.head]
		if l.end <= t {
			c.header += l.n
			c.data += (l.n-1)*int64(l.data) + int64(l.tail)
			c.head++
			continue
		}
		k := int64((t-l.at)/l.step) + 1
		k = min(k, l.n-1)
		c.header += k
		c.data += k * int64(l.data)
		l.n -= k
		if l.at += sim.Time(k) * l.step; l.n == 1 {
			l.at = l.end
		}
		for i := c.head; i+1 < len(c.leases) && c.leases[i+1].at < c.leases[i].at; i++ {
			c.leases[i], c.leases[i+1] = c.leases[i+1], c.leases[i]
		}
	}
	if c.header > c.headerTotal || c.data > c.dataTotal {
		panic("pcie: more credits returned than granted")
	}
}

// next is when the next credits come back, Forever if nobody knows.
func (c *credits) next() sim.Time {
	if c.head == len(c.leases) {
		return sim.Forever
	}
	return c.leases[c.head].at
}

// whole reports whether every credit is back or on its way.
func (c *credits) whole() bool {
	c.drain(sim.Forever)
	return c.header == c.headerTotal && c.data == c.dataTotal
}

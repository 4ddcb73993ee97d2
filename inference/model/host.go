package model

import (
	"errors"

	"burble/inference/compute"
)

// host runs the experts of some blocks on a device that is not the block's own: with most of a model's weights in the
// machine's memory, the rest fits a small GPU. Only the rows of a pass cross over.
type host struct {
	queue  compute.Queue
	blocks int // experts of blocks [0, blocks) are here
	temps  temps
	buffer []byte // rows on their way
	err    error  // of the pass under way
}

// AtExperts computes out [n, d] from x [n, k] by f, on the device that has the experts of block i: f issues its operations on
// the pass it is given, whose buffers are on that device, and reads x and writes out as it is given them.
func (p *Pass) AtExperts(i int, out, x *compute.Tensor, f func(p *Pass, out, x *compute.Tensor)) {
	h := p.host
	if h == nil || i >= h.blocks || h.queue == p.Queue {
		f(p, out, x)
		return
	}
	if h.err != nil || p.rehearsal { // the device takes no memory for what happens elsewhere
		return
	}
	hx := h.temps.get("experts in", x.Dim(0), x.Dim(1))
	hout := h.temps.get("experts out", out.Dim(0), out.Dim(1))
	h.err = errors.Join(
		h.move(hx, h.queue, x, p.Queue),
		func() error {
			f(&Pass{Queue: h.queue, Rows: p.Rows, temps: &h.temps, scales: p.scales}, hout, hx)
			return h.move(out, p.Queue, hout, h.queue)
		}())
}

// move copies src on queue from to dst on queue to, by way of the host's memory.
func (h *host) move(dst *compute.Tensor, to compute.Queue, src *compute.Tensor, from compute.Queue) error {
	n := 4 * src.Len()
	if cap(h.buffer) < n {
		h.buffer = make([]byte, n)
	}
	from.Read(h.buffer[:n], src)
	err := from.Sync()
	to.Write(dst, h.buffer[:n])
	return err
}

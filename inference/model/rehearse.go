package model

import (
	"context"
	"fmt"

	"burble/inference/compute"
)

// rehearse lets the devices take the memory that passes over c need besides their buffers, so that too little of it shows now and
// not in the middle of an answer.
func (m *Model) rehearse(c *Cache) error {
	onLayer := m.OnLayer
	m.OnLayer = nil
	defer func() { m.OnLayer = onLayer }()
	last := len(m.segments) - 1
	for i, s := range m.segments {
		r, ok := s.queue.(compute.Rehearser)
		if !ok {
			continue
		}
		pass := func(n int) error {
			p := &Pass{Rows: n, Bound: c.bucket(c.size), Tokens: s.input.Slice(0, 1, 1+n), Past: s.input.Slice(0, 0, 1), X: s.x.Slice(0, 0, n),
				Cache: c, temps: &s.temps, host: m.experts, scales: m.scales, rehearsal: true}
			return r.Rehearse(func(q compute.Queue) {
				p.Queue = q
				m.issue(context.Background(), i, p, i == last)
				if rows := min(n, headRows); i == last && rows > 1 { // as ForwardAll does
					m.net.Head(p, s.logits.Slice(0, 0, rows), p.X.Slice(0, 0, rows))
				}
			})
		}
		// The longest pass needs most of nearly everything; attention over a long cache is split most for few rows.
		for n := m.maxRows; n > 0; n = min(n-1, 16) {
			if err := pass(n); err != nil {
				return fmt.Errorf("memory for passes of %d tokens: %w", n, err)
			}
		}
	}
	return nil
}

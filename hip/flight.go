package hip

import (
	"fmt"
	"io"
	"strings"
)

// flightSize is how many operations the flight recorder remembers.
const flightSize = 4096

// Op names an operation for people: "layer 0 · ffn_norm rmsnorm [1×3584]". It is a plain value, so that labelling a
// launch allocates nothing; the text is made when somebody asks for it.
type Op struct {
	Layer  int      // counted from 0; negative outside the layers
	Tensor string   // what it makes or reads: "ffn_norm"; may be empty
	Name   string   // what it does: "rmsnorm". An Op without a Name is no label.
	Shape  [4]int32 // of the result, outermost first; unused dimensions are 0
}

func (o Op) String() string {
	var b strings.Builder
	if o.Layer >= 0 {
		fmt.Fprintf(&b, "layer %d · ", o.Layer)
	}
	if o.Tensor != "" {
		b.WriteString(o.Tensor)
		b.WriteByte(' ')
	}
	b.WriteString(o.Name)
	if o.Shape[0] != 0 {
		b.WriteString(" [")
		for i, n := range o.Shape {
			if n == 0 {
				break
			}
			if i > 0 {
				b.WriteString("×")
			}
			fmt.Fprint(&b, n)
		}
		b.WriteByte(']')
	}
	return b.String()
}

type opKind uint8

const (
	opLaunch opKind = iota
	opUpload
	opDownload
	opCopy
	opFill
	opReplay
	opMultiply
)

func (k opKind) String() string {
	return [...]string{"kernel", "upload", "download", "copy", "fill", "graph replay", "BLAS multiply"}[k]
}

// record is one operation in the flight recorder.
type record struct {
	seq         uint64
	op          Op
	kernel      string
	grid, block Dim
	bytes       int64
	graph       *Graph
	kind        opKind
}

// String is the label, or what is known without one.
func (r *record) String() string {
	if r.op.Name != "" {
		return r.op.String()
	}
	if r.kind == opReplay && r.graph != nil {
		return fmt.Sprintf("%s of %d operations", r.kind, len(r.graph.ops))
	}
	return r.detail()
}

// detail says what was issued: "kernel rmsnorm_f32 grid 1×1×1 block 256×1×1", "upload of 4194304 bytes".
func (r *record) detail() string {
	switch r.kind {
	case opLaunch:
		return fmt.Sprintf("kernel %s grid %d×%d×%d block %d×%d×%d", r.kernel, r.grid.X, r.grid.Y, r.grid.Z,
			r.block.X, r.block.Y, r.block.Z)
	case opReplay:
		return r.String()
	case opMultiply:
		return r.kind.String()
	}
	return fmt.Sprintf("%s of %d bytes", r.kind, r.bytes)
}

// Flight writes the last n operations, oldest first, with the first that has not completed marked.
func (s *Stream) Flight(w io.Writer, n int) error {
	n = min(n, flightSize, int(min(s.seq, flightSize)))
	stuck := s.seq + 1
	if op, _, _ := s.stuck(); op != nil && !s.closed {
		stuck = op.seq
	}
	for seq := s.seq - uint64(n) + 1; seq <= s.seq; seq++ {
		r := &s.ring[seq%flightSize]
		mark := " "
		if seq == stuck {
			mark = ">"
		}
		label := ""
		if r.op.Name != "" {
			label = r.op.String() + " · "
		}
		if _, err := fmt.Fprintf(w, "%s %d %s%s\n", mark, seq, label, r.detail()); err != nil {
			return err
		}
	}
	return nil
}

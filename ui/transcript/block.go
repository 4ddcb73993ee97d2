package transcript

import (
	"errors"
	"math"
	"strconv"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"burble/ui/look"
	"burble/ui/markdown"
	"burble/ui/tex"
)

var errNotALink = errors.New("not a web or mail address; copy it if you trust it")

// block is a widget that takes any width and knows its height for it.
type block interface {
	fyne.CanvasObject
	heightFor(width float32) float32
}

// updatable is a block that can show other content of the same kind; false means that it can't.
type updatable interface {
	block
	update(b *markdown.Block) bool
}

// windowed is a block that draws only the part of itself between two heights.
type windowed interface{ setWindow(top, bottom float32) }

// builder makes blocks' widgets.
type builder struct {
	host host
	text textLook
}

// host is what blocks need of the view around them.
type host interface {
	openLink(address string)
	copyText(text string)
	relayout(b block)                                   // the height of b, which may stand inside of another block, has changed
	later(d time.Duration, f func())                    // calls f on Fyne's goroutine, unless the window is closed before
	scrolled(e *fyne.ScrollEvent)                       // a wheel turned over a block that scrolls sideways
	formula(source string, displayed bool) *tex.Formula // nil where the source is shown instead
	showAddress(address string)                         // of the link under the pointer or with the focus, or ""
	reveal(o fyne.CanvasObject)                         // scrolls to what has the focus
	key(e *fyne.KeyEvent)                               // that what has the focus had no use for
	showItems(at fyne.Position, items ...*fyne.MenuItem)
	showMessageMenu(at fyne.Position) // of the message that is there
}

// build makes the widget for a block.
func (b builder) build(m *markdown.Block) block {
	switch m.Kind {
	case markdown.Heading:
		f := newFlow(m.Text, headingLook(m.Level), b.host)
		f.level = m.Level
		return f
	case markdown.Code:
		return newCodeBlock(b, m.Language, m.Code)
	case markdown.List:
		return newList(b, m)
	case markdown.Quote:
		return newQuote(b, m.Blocks)
	case markdown.Table:
		return newTable(b, m)
	case markdown.Rule:
		return newRule()
	case markdown.Formula:
		if f := b.host.formula(markdown.TeX(m.Code), true); f != nil {
			return newFormulaBlock(b, m.Code, f)
		}
		return newCodeBlock(b, "latex", m.Code)
	}
	return newFlow(m.Text, b.text, b.host)
}

// gap returns the room above a block of a kind that follows another.
func gap(m *markdown.Block) float32 {
	switch m.Kind {
	case markdown.Heading:
		return 22
	case markdown.Code, markdown.Table, markdown.Formula:
		return 14
	case markdown.Rule:
		return 20
	}
	return 12
}

// update shows another paragraph, or another heading of the same level.
func (f *flow) update(m *markdown.Block) bool {
	if m.Kind != markdown.Paragraph && m.Kind != markdown.Heading || m.Level != f.level {
		return false
	}
	f.set(m.Text)
	return true
}

// stack is a column of blocks, as a list's item or a quote has it.
type stack struct {
	b      builder
	model  []markdown.Block
	blocks []block
	tight  bool
}

// set shows blocks, keeping the widgets that can stay. It reports whether the set of widgets changed.
func (s *stack) set(model []markdown.Block) {
	for i := range model {
		m := &model[i]
		if i < len(s.blocks) {
			if m.Equal(&s.model[i]) {
				continue
			}
			if u, ok := s.blocks[i].(updatable); ok && u.update(m) {
				continue
			}
			s.blocks[i] = s.b.build(m)
			continue
		}
		s.blocks = append(s.blocks, s.b.build(m))
	}
	s.blocks = s.blocks[:len(model)]
	s.model = append(s.model[:0:0], model...)
}

func (s *stack) gapAbove(i int) float32 {
	if i == 0 {
		return 0
	}
	if s.tight {
		return 4
	}
	return min(gap(&s.model[i]), 12)
}

// layout places the blocks from (x, y) on and returns the end's y.
func (s *stack) layout(x, y, width float32) float32 {
	for i, bl := range s.blocks {
		y += s.gapAbove(i)
		h := bl.heightFor(width)
		bl.Resize(fyne.NewSize(width, h))
		bl.Move(fyne.NewPos(x, y))
		y += h
	}
	return y
}

// firstLine returns by how much the text of the first line stands lower than it does in a line of text alone.
func (s *stack) firstLine() float32 {
	if len(s.blocks) == 0 {
		return 0
	}
	f, ok := s.blocks[0].(*flow)
	if !ok || len(f.lines) == 0 {
		return 0
	}
	return max(f.lines[0].baseline-f.above, 0)
}

// container is the common part of blocks that hold other blocks: objects that are laid out by the block itself.
type container struct {
	widget.BaseWidget
	width, height float32
	objects       []fyne.CanvasObject
	recolour      func()
}

// CreateRenderer is Fyne's.
func (c *container) CreateRenderer() fyne.WidgetRenderer { return &containerRenderer{c} }

type containerRenderer struct{ c *container }

func (r *containerRenderer) Destroy()                     {}
func (r *containerRenderer) MinSize() fyne.Size           { return fyne.NewSize(1, r.c.height) }
func (r *containerRenderer) Layout(fyne.Size)             {}
func (r *containerRenderer) Objects() []fyne.CanvasObject { return r.c.objects }
func (r *containerRenderer) Refresh() {
	if r.c.recolour != nil {
		r.c.recolour()
	}
}

// list is an ordered, bulleted or task list.
type list struct {
	container
	b     builder
	model markdown.Block
	items []*stack
	marks []fyne.CanvasObject
}

func newList(b builder, m *markdown.Block) *list {
	l := &list{b: b}
	l.ExtendBaseWidget(l)
	l.update(m)
	return l
}

func (l *list) update(m *markdown.Block) bool {
	if m.Kind != markdown.List || len(l.items) > 0 && m.Ordered != l.model.Ordered {
		return false
	}
	l.items = l.items[:min(len(l.items), len(m.Items))]
	for i := range m.Items {
		if i == len(l.items) {
			l.items = append(l.items, &stack{b: l.b})
		}
		l.items[i].tight = !m.Loose
		l.items[i].set(m.Items[i].Blocks)
	}
	l.model = *m
	l.makeMarks()
	l.width = 0
	return true
}

func (l *list) makeMarks() {
	marks := l.marks[:0]
	for i, it := range l.model.Items {
		var mark fyne.CanvasObject
		switch {
		case it.Task != markdown.NoTask:
			mark = newTaskMark(it.Task == markdown.DoneTask)
		case l.model.Ordered:
			t := canvas.NewText(strconv.Itoa(l.model.Start+i)+".", look.Color(look.ColorMuted))
			t.TextSize = l.b.text.size
			mark = t
		default:
			mark = canvas.NewCircle(look.Color(look.ColorMuted))
		}
		marks = append(marks, mark)
	}
	l.marks = marks
}

const itemIndent = 26

func (l *list) heightFor(width float32) float32 {
	if width == l.width {
		return l.height
	}
	l.width = width
	indent := float32(itemIndent)
	if l.model.Ordered {
		last := strconv.Itoa(l.model.Start+len(l.items)) + "."
		indent = max(indent, fyne.MeasureText(last, l.b.text.size, fyne.TextStyle{}).Width+9)
	}
	line := float32(int(l.b.text.size*l.b.text.lead + 0.5))
	y := float32(0)
	l.objects = l.objects[:0:0]
	for i, it := range l.items {
		if i > 0 {
			y += 6
			if l.model.Loose {
				y += 4
			}
		}
		end := it.layout(indent, y, max(width-indent, 40))
		first := y + it.firstLine() // a formula makes an item's first line higher, and moves what stands on it down
		switch m := l.marks[i].(type) {
		case *canvas.Text:
			s := m.MinSize()
			m.Resize(s)
			m.Move(fyne.NewPos(indent-8-s.Width, float32(math.Round(float64(first+(line-s.Height)/2)))))
		case *canvas.Circle:
			m.Resize(fyne.NewSquareSize(5))
			m.Move(fyne.NewPos(indent-16, first+line/2-2))
		default:
			m.Resize(fyne.NewSquareSize(16))
			m.Move(fyne.NewPos(indent-23, first+(line-16)/2))
		}
		l.objects = append(l.objects, l.marks[i])
		for _, bl := range it.blocks {
			l.objects = append(l.objects, bl)
		}
		y = max(end, y+line)
	}
	l.height = y
	return y
}

func newTaskMark(done bool) fyne.CanvasObject {
	if done {
		img := canvas.NewImageFromResource(look.IconTaskDone.In(theme.ColorNamePrimary))
		img.FillMode = canvas.ImageFillContain
		return img
	}
	img := canvas.NewImageFromResource(look.IconTaskOpen.In(look.ColorMuted))
	img.FillMode = canvas.ImageFillContain
	return img
}

// quote is a block quote: a bar at the left, the text muted.
type quote struct {
	container
	inner stack
	bar   *canvas.Rectangle
}

func newQuote(b builder, blocks []markdown.Block) *quote {
	b.text.color = look.ColorMuted
	q := &quote{inner: stack{b: b}, bar: canvas.NewRectangle(look.Color(look.ColorBorder))}
	q.bar.CornerRadius = 1.5
	q.ExtendBaseWidget(q)
	q.inner.set(blocks)
	return q
}

func (q *quote) update(m *markdown.Block) bool {
	if m.Kind != markdown.Quote {
		return false
	}
	q.inner.set(m.Blocks)
	q.width = 0
	return true
}

func (q *quote) heightFor(width float32) float32 {
	if width == q.width {
		return q.height
	}
	q.width = width
	q.height = q.inner.layout(18, 2, max(width-18, 40)) + 2
	q.bar.Resize(fyne.NewSize(3, q.height))
	q.objects = append(q.objects[:0:0], q.bar)
	for _, bl := range q.inner.blocks {
		q.objects = append(q.objects, bl)
	}
	return q.height
}

// rule is a thematic break.
type rule struct {
	container
	line *canvas.Rectangle
}

func newRule() *rule {
	r := &rule{line: canvas.NewRectangle(look.Color(look.ColorBorder))}
	r.height = 9
	r.objects = []fyne.CanvasObject{r.line}
	r.ExtendBaseWidget(r)
	return r
}

func (r *rule) heightFor(width float32) float32 {
	r.line.Resize(fyne.NewSize(width, 1))
	r.line.Move(fyne.NewPos(0, 4))
	return r.height
}

// stale forgets the layout of what b stands in, and reports whether it stands in c.
func (c *container) stale(b block) bool {
	for _, o := range c.objects {
		in, ok := o.(interface{ stale(block) bool })
		if o == fyne.CanvasObject(b) || ok && in.stale(b) {
			c.width = 0
			return true
		}
	}
	return false
}

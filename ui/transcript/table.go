package transcript

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"

	"burble/ui/look"
	"burble/ui/markdown"
)

// table shows a Markdown table. Columns take their natural width where there is room; else they share what there is,
// and a table that would become unreadable scrolls sideways.
type table struct {
	container
	b     builder
	model markdown.Block
	cells [][]*flow // rows, the head first
	grid  *grid
	bar   *sideScroll
	frame *canvas.Rectangle // around what is in view, so that it stays while the table scrolls
}

func newTable(b builder, m *markdown.Block) *table {
	t := &table{b: b}
	t.grid = &grid{t: t}
	t.grid.ExtendBaseWidget(t.grid)
	t.bar = newSideScroll(t.grid, b.host)
	t.frame = canvas.NewRectangle(nothingOf(look.ColorBorder))
	t.frame.CornerRadius, t.frame.StrokeWidth, t.frame.StrokeColor = 8, 1, look.Color(look.ColorBorder)
	t.objects = []fyne.CanvasObject{t.bar, t.frame}
	t.ExtendBaseWidget(t)
	t.update(m)
	return t
}

const (
	cellPadX, cellPadY = 12, 7
	narrowColumn       = 90
)

func (t *table) update(m *markdown.Block) bool {
	if m.Kind != markdown.Table {
		return false
	}
	t.model = *m
	rows := append([][][]markdown.Span{m.Head}, m.Rows...)
	t.cells = t.cells[:min(len(t.cells), len(rows))]
	for i, row := range rows {
		if i == len(t.cells) {
			t.cells = append(t.cells, nil)
		}
		if len(t.cells[i]) != len(m.Align) {
			t.cells[i] = make([]*flow, len(m.Align))
			l := t.b.text
			l.size, l.lead, l.bold = 14, 1.45, i == 0
			for j := range t.cells[i] {
				t.cells[i][j] = newFlow(nil, l, t.b.host)
				switch m.Align[j] {
				case markdown.Center:
					t.cells[i][j].align = fyne.TextAlignCenter
				case markdown.Trailing:
					t.cells[i][j].align = fyne.TextAlignTrailing
				}
			}
		}
		for j, f := range t.cells[i] {
			if j < len(row) {
				f.set(row[j])
			} else {
				f.set(nil)
			}
		}
	}
	t.width = 0
	return true
}

// widestCell is the widest that a cell is looked at: wider than any window.
const widestCell = 8000

// columns returns the columns' widths, padding included, in a table of a width.
func (t *table) columns(width float32) []float32 {
	widths := make([]float32, len(t.model.Align))
	total := float32(0)
	for j := range widths {
		for i := range t.cells {
			widths[j] = max(widths[j], t.cells[i][j].naturalWidth(widestCell)+1)
		}
		widths[j] += 2 * cellPadX
		total += widths[j]
	}
	if total <= width {
		return widths
	}
	// Columns that need less than an even share get what they need; the wide ones share the rest.
	left, open := width, len(widths)
	done := make([]bool, len(widths))
	for changed := true; changed && open > 0; {
		changed = false
		share := left / float32(open)
		for j, w := range widths {
			if !done[j] && w <= share {
				done[j], changed = true, true
				left -= w
				open--
			}
		}
	}
	for j := range widths {
		if !done[j] {
			widths[j] = max(left/float32(open), narrowColumn+2*cellPadX)
		}
	}
	return widths
}

func (t *table) heightFor(width float32) float32 {
	if width == t.width {
		return t.height
	}
	t.width = width
	t.grid.arrange(t.columns(width))
	t.height = t.grid.height
	if t.grid.width > width {
		t.height += 8 // room for the scroll bar
	}
	t.bar.Resize(fyne.NewSize(min(width, t.grid.width), t.height))
	t.bar.Scroll.Refresh()
	t.frame.Resize(t.bar.Size())
	return t.height
}

// nothingOf returns a colour that covers next to nothing, in the tone of another: Fyne blends a rectangle's stroke into
// its fill, and a black fill, though it is not seen, would darken the stroke. Without any cover, a colour has no tone.
func nothingOf(name fyne.ThemeColorName) color.Color {
	c := color.NRGBAModel.Convert(look.Color(name)).(color.NRGBA)
	c.A = 1
	return c
}

// grid is the table itself, as wide as its columns.
type grid struct {
	container
	t *table
}

// MinSize is the size of the whole table.
func (g *grid) MinSize() fyne.Size { return fyne.NewSize(g.width, g.height) }

func (g *grid) arrange(widths []float32) {
	total := float32(0)
	for _, w := range widths {
		total += w
	}
	head := canvas.NewRectangle(look.Color(look.ColorSurface))
	head.TopLeftCornerRadius, head.TopRightCornerRadius = 8, 8
	g.objects = append(g.objects[:0:0], head)
	y := float32(0)
	for i, row := range g.t.cells {
		height := float32(0)
		lowest := float32(0) // of the first lines' baselines, which a formula may push down
		for j, f := range row {
			f.heightFor(widths[j] - 2*cellPadX)
			lowest = max(lowest, f.lines[0].baseline)
		}
		for _, f := range row {
			height = max(height, f.height+lowest-f.lines[0].baseline)
		}
		x := float32(0)
		for j, f := range row {
			f.Resize(fyne.NewSize(widths[j]-2*cellPadX, f.height))
			f.Move(fyne.NewPos(x+cellPadX, y+cellPadY+float32(int(lowest-f.lines[0].baseline))))
			g.objects = append(g.objects, f)
			x += widths[j]
		}
		y += height + 2*cellPadY
		if i == 0 {
			head.Resize(fyne.NewSize(total, y))
		}
		if i < len(g.t.cells)-1 {
			line := canvas.NewRectangle(look.Color(look.ColorBorder))
			line.Resize(fyne.NewSize(total, 1))
			line.Move(fyne.NewPos(0, y))
			g.objects = append(g.objects, line)
			y++
		}
	}
	g.width, g.height = total, y
	g.Resize(fyne.NewSize(total, y))
}

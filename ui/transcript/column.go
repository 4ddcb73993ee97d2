package transcript

import (
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	fynecontainer "fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"burble/ui/look"
)

// cell is one block in the column.
type cell struct {
	block
	gap float32 // room above
	y   float32 // within its group
	h   float32
	// align places a block that is narrower than the column at its trailing edge: wanted returns its width.
	wanted func(column float32) float32
}

// group is what belongs to one message: its cells from top to bottom. Cells are made only when the group comes near
// the viewport; until then its height is an estimate.
type group struct {
	message  *message
	height   float32
	width    float32 // what height was measured for; 0: an estimate
	estimate float32 // width that height was estimated for
}

// column is a virtual column of groups inside of a scroller. Only cells near the viewport are part of the widget tree;
// heights are cached. When a group's true height turns out to differ from its estimate, the offset moves along, so that
// what is in view stays where it is.
type column struct {
	widget.BaseWidget
	scroll  *fynecontainer.Scroll
	groups  []*group
	total   float32
	objects []fyne.CanvasObject
	follow  bool   // the end stays in view as text is added
	busy    bool   // the column itself moves the offset
	marked  *group // that was looked for; nil: none
	marker  marker // behind it
	onMoved func()
}

const (
	columnPadX   = 28
	columnTop    = 24
	columnBottom = 28
	groupGap     = 26
	overscan     = 240 // beyond the viewport, so that a wheel's step finds its cells ready
)

func newColumn() *column {
	c := &column{follow: true}
	c.ExtendBaseWidget(c)
	c.scroll = fynecontainer.NewVScroll(c)
	c.scroll.OnScrolled = c.scrolled
	return c
}

// CreateRenderer is Fyne's.
func (c *column) CreateRenderer() fyne.WidgetRenderer { return &columnRenderer{c} }

type columnRenderer struct{ c *column }

func (r *columnRenderer) Destroy()                     {}
func (r *columnRenderer) MinSize() fyne.Size           { return fyne.NewSize(1, r.c.total) }
func (r *columnRenderer) Objects() []fyne.CanvasObject { return r.c.objects }
func (r *columnRenderer) Refresh()                     {}
func (r *columnRenderer) Layout(fyne.Size)             {}

// MinSize is as high as all groups.
func (c *column) MinSize() fyne.Size { return fyne.NewSize(1, c.total) }

// viewResized lays out again for another size of the viewport.
func (c *column) viewResized() { c.arrange() }

// changed lays out again after groups were added, removed or changed.
func (c *column) changed() { c.arrange() }

func (c *column) scrolled(fyne.Position) {
	if c.busy {
		return
	}
	view := c.scroll.Size().Height
	c.follow = c.scroll.Offset.Y >= c.total-view-4
	c.arrange()
}

// toEnd scrolls to the end and stays there.
func (c *column) toEnd() {
	c.follow = true
	c.arrange()
}

// atEnd reports whether the end is in view, or nearly so.
func (c *column) atEnd() bool {
	return c.scroll.Offset.Y >= c.total-c.scroll.Size().Height-60
}

// columnWidth returns the width of the text, and its left edge.
func (c *column) columnWidth() (width, left float32) {
	all := c.scroll.Size().Width
	width = min(all-2*columnPadX, look.Measure)
	return width, (all - width) / 2
}

// arrange measures what is near the viewport, sets the offset, and brings the tree's objects in line.
func (c *column) arrange() {
	view := c.scroll.Size()
	width, left := c.columnWidth()
	if width < 80 || view.Height <= 0 {
		return
	}
	offset := c.measure(width, view.Height, c.scroll.Offset.Y)

	c.busy = true
	c.scroll.Offset.Y = offset
	c.Resize(fyne.NewSize(view.Width, max(c.total, view.Height)))
	c.collect(width, left, offset-overscan, offset+view.Height+overscan)
	c.scroll.Refresh() // cheap: the column's own Refresh does nothing
	c.busy = false
	if c.onMoved != nil {
		c.onMoved()
	}
}

// measure makes sure that every group near the viewport has its true height, and returns the offset that keeps the
// viewport's content in place (or the end in view, while following).
func (c *column) measure(width, view, offset float32) float32 {
	for {
		c.total = columnTop + columnBottom
		for i, g := range c.groups {
			if g.width != width && g.estimate != width {
				g.height, g.width, g.estimate = g.message.estimate(width), 0, width
			}
			c.total += g.height
			if i > 0 {
				c.total += groupGap
			}
		}
		end := max(c.total-view, 0)
		if c.follow {
			offset = end
		}
		offset = min(max(offset, 0), end)

		settled := true
		y := float32(columnTop)
		// From the end upwards while following, so that the estimates above never matter.
		for _, g := range c.groups {
			top := y
			y += g.height + groupGap
			if g.width == width || top+g.height < offset-overscan || top > offset+view+overscan {
				continue
			}
			before := g.height
			g.height, g.width = g.message.layout(width), width
			if delta := g.height - before; delta != 0 {
				settled = false
				if top < offset && !c.follow {
					offset += delta
				}
				y += delta
			}
		}
		if settled {
			return offset
		}
	}
}

// at returns the group at a height of the column; nil: none.
func (c *column) at(y float32) *group {
	top := float32(columnTop)
	for _, g := range c.groups {
		if y >= top && y < top+g.height {
			return g
		}
		top += g.height + groupGap
	}
	return nil
}

// collect makes the cells between two heights the widget's objects, and places them.
func (c *column) collect(width, left, from, to float32) {
	objects := make([]fyne.CanvasObject, 0, len(c.objects)+8)
	y := float32(columnTop)
	for _, g := range c.groups {
		if y > to {
			break
		}
		if y+g.height >= from && g.width == width {
			if g == c.marked {
				objects = append(objects, c.marker.around(left, y, width, g.height)...)
			}
			for _, cl := range g.message.cells {
				top := y + cl.y
				if top+cl.h < from || top > to {
					continue
				}
				x, w := left, width
				if cl.wanted != nil {
					w = cl.wanted(width)
					x = left + width - w
				}
				cl.Move(fyne.NewPos(x, top))
				cl.Resize(fyne.NewSize(w, cl.h))
				if v, ok := cl.block.(windowed); ok {
					v.setWindow(from-top, to-top)
				}
				objects = append(objects, cl.block)
			}
		}
		y += g.height + groupGap
	}
	if !slices.Equal(objects, c.objects) {
		c.objects = objects
		canvas.Refresh(c)
	}
}

package transcript

import (
	"strings"
	"time"
	"unicode/utf8"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"

	"burble/ui/look"
	"burble/ui/markdown"
)

// markedFor is how long a message that was looked for stays marked.
const markedFor = 8 * time.Second

// aboveFound is the room above what was looked for.
const aboveFound float32 = 90

// Reveal scrolls to a message, to the place in it that has the first of words where there is one, and marks the message for a
// while. It reports whether the message is among those that are shown.
func (v *View) Reveal(id int64, words []string) bool {
	c := v.column
	at := -1
	for i, g := range c.groups {
		if g.message.data.ID == id {
			at = i
		}
	}
	if at < 0 {
		return false
	}
	c.mark(c.groups[at])
	c.follow = false
	// Heights above and below turn out while the place comes into view, so it takes more than one step.
	for range 4 {
		width, _ := c.columnWidth()
		if width < 80 {
			break
		}
		g := c.groups[at]
		if g.width != width {
			g.height, g.width = g.message.layout(width), width
		}
		y := float32(columnTop)
		for _, above := range c.groups[:at] {
			y += above.height + groupGap
		}
		before := c.scroll.Offset.Y
		c.scroll.Offset.Y = max(y+g.message.place(words)-aboveFound, 0)
		c.arrange()
		if c.scroll.Offset.Y == before {
			break
		}
	}
	c.arrange()
	marked := c.marked
	v.later(markedFor, func() {
		if c.marked == marked {
			c.mark(nil)
			c.arrange()
		}
	})
	return true
}

// mark marks a group in place of the one that was; nil: none.
func (c *column) mark(g *group) {
	c.marked = g
	if g != nil && c.marker.ground == nil {
		c.marker = marker{canvas.NewRectangle(nil), canvas.NewRectangle(nil)}
		c.marker.ground.CornerRadius, c.marker.bar.CornerRadius = look.Radius, 1.5
	}
}

// marker is what marks a message: a tint behind it, and a bar beside it.
type marker struct{ ground, bar *canvas.Rectangle }

// around places the marker behind a message.
func (m marker) around(x, y, width, height float32) []fyne.CanvasObject {
	m.ground.FillColor, m.bar.FillColor = look.Color(theme.ColorNameHover), look.Color(theme.ColorNamePrimary)
	m.ground.Move(fyne.NewPos(x-16, y-10))
	m.ground.Resize(fyne.NewSize(width+32, height+18))
	m.bar.Move(fyne.NewPos(x-16, y-4))
	m.bar.Resize(fyne.NewSize(3, height+6))
	return []fyne.CanvasObject{m.ground, m.bar}
}

// place returns how far below the message's top the first of words is found, about; 0 where it is not.
func (m *message) place(words []string) float32 {
	for _, word := range words {
		if m.bubble != nil {
			if share := share(m.data.Content, word); share >= 0 {
				return share * m.cells[0].h
			}
			continue
		}
		for i := range min(len(m.blocks), m.count) {
			if share := share(markdown.Plain(m.blocks[i:i+1]), word); share >= 0 {
				c := m.cells[m.first+i]
				return c.y + share*c.h
			}
		}
	}
	return 0
}

// share returns where in text word begins, as a share of the text; -1 where it does not.
func share(text, word string) float32 {
	if word == "" {
		return -1
	}
	i := strings.Index(strings.ToLower(text), strings.ToLower(word))
	if i < 0 {
		return -1
	}
	return float32(i) / float32(max(len(text), utf8.UTFMax))
}

// Marked returns the message that Reveal has marked, if it still is.
func (v *View) Marked() (id int64, ok bool) {
	if v.column.marked == nil {
		return 0, false
	}
	return v.column.marked.message.data.ID, true
}

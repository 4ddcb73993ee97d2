package transcript

import (
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"burble/ui/look"
)

// TestWrap wraps a long line of code and lets it run again, without losing a character.
func TestWrap(t *testing.T) {
	v, w := show(t, look.Light, 500, 400)
	long := "x := \"" + strings.Repeat("0123456789", 12) + "ü\""
	v.SetMessages([]Message{{ID: 1, Role: Assistant, Content: "```go\n" + long + "\ny := 2\n```"}})
	c := v.column.groups[0].message.cells[0].block.(*codeBlock)
	before := c.Size().Height
	test.Tap(c.wrap)
	if c.Size().Height <= before || c.text.MinSize().Width > c.bar.Size().Width {
		t.Errorf("wrapped, the block is %v high (%v before) and its text %v wide in %v", c.Size().Height, before, c.text.MinSize().Width, c.bar.Size().Width)
	}
	var shown strings.Builder
	for _, l := range c.text.lines {
		for _, r := range l {
			shown.WriteString(r.text)
		}
	}
	if got := shown.String(); got != long+"y := 2" {
		t.Errorf("shown: %q", got)
	}
	keep(t, w, "wrapped")
	test.Tap(c.wrap)
	if c.Size().Height != before || len(c.text.lines) != 2 {
		t.Errorf("not wrapped, the block is %v high, want %v", c.Size().Height, before)
	}

	// In a list, what surrounds the code grows with it.
	v.SetMessages([]Message{{ID: 2, Role: Assistant, Content: "- item\n\n  ```go\n  " + long + "\n  ```"}})
	total := v.column.total
	inner := findCode(v.column.groups[0].message.cells[0].block)
	test.Tap(inner.wrap)
	if inner.text.to != len(inner.text.lines) || len(inner.text.objects) < len(inner.text.lines) {
		t.Errorf("in a list, %d of %d lines are drawn", inner.text.to, len(inner.text.lines))
	}
	if v.column.total <= total {
		t.Errorf("a list with wrapped code is %v high, %v before", v.column.total, total)
	}
	keep(t, w, "wrapped-list")
}

// findCode finds the code inside of a block.
func findCode(o fyne.CanvasObject) *codeBlock {
	if c, ok := o.(*codeBlock); ok {
		return c
	}
	if w, ok := o.(fyne.Widget); ok {
		for _, child := range test.WidgetRenderer(w).Objects() {
			if c := findCode(child); c != nil {
				return c
			}
		}
	}
	return nil
}

package transcript

import (
	"fmt"
	"strings"
	"testing"

	"burble/ui/look"
)

// TestReveal looks for words in messages of every length, far from each other, and wants the place in view each time.
func TestReveal(t *testing.T) {
	v, w := show(t, look.Light, 700, 500)
	var messages []Message
	for i := range 60 {
		text := strings.Repeat("A paragraph of some words that wraps now and then, for it is not short.\n\n", 1+i%7*6)
		messages = append(messages, Message{ID: int64(2*i + 1), Role: User, Content: fmt.Sprintf("Question %d?", i)},
			Message{ID: int64(2*i + 2), Role: Assistant, Content: text + fmt.Sprintf("Here is needle%d.\n\n", i) + text})
	}
	v.SetMessages(messages)
	v.ScrollToEnd()
	for _, i := range []int{3, 41, 0, 59, 20} {
		if !v.Reveal(int64(2*i+2), []string{fmt.Sprintf("needle%d", i)}) {
			t.Fatalf("message %d was not found", i)
		}
		if id, ok := v.Marked(); !ok || id != int64(2*i+2) {
			t.Errorf("message %d is marked", id)
		}
		top := float32(-1)
		y := float32(columnTop)
		for _, g := range v.column.groups {
			if g.message.data.ID == int64(2*i+2) {
				top = y + g.message.place([]string{fmt.Sprintf("needle%d", i)}) - v.column.scroll.Offset.Y
			}
			y += g.height + groupGap
		}
		if top < 0 || top > 480 {
			t.Errorf("needle%d is at %v of 500", i, top)
		}
		if v.Following() {
			t.Error("the end is followed")
		}
	}
	keep(t, w, "reveal")
	if v.Reveal(999, nil) {
		t.Error("a message that is not there was found")
	}
	v.Reveal(2, []string{"nowhere"})
	v.timers.Fire()
	if _, ok := v.Marked(); ok {
		t.Error("the mark stays")
	}
}

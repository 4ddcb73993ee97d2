package transcript

import (
	"strings"
	"testing"

	"burble/ui/look"
)

// BenchmarkLongMessage opens a message of 100 kB in one paragraph, beside a short one.
func BenchmarkLongMessage(b *testing.B) {
	text := strings.Repeat("All work and no play makes Jack a dull boy. ", 2300)
	messages := []Message{{ID: 1, Role: User, Content: text}, {ID: 2, Role: Assistant, Content: "Noted.", Last: true}}
	v, _ := show(b, look.Light, 900, 700)
	for b.Loop() {
		v.SetMessages(nil)
		v.SetMessages(messages)
		v.ScrollToEnd()
	}
}

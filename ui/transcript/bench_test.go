package transcript

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"burble/ui/look"
)

// BenchmarkStream streams an answer of 2,000 tokens into a conversation of 200 messages at 500 tokens a second and 30
// updates a second. It measures the updates, which are all that this package adds to a frame and must leave most of its
// 16 ms, and whole frames with Fyne's software painter, which draws every pixel and shapes every text anew: the window's
// own painter keeps the texts that have not changed as textures.
func BenchmarkStream(b *testing.B) { benchmarkStream(b, stream(2000)) }

// BenchmarkStreamFormulas streams formulas in all places, as BenchmarkStream streams text.
func BenchmarkStreamFormulas(b *testing.B) {
	text := strings.Repeat(formulaAnswer+"\n", 8000/len(formulaAnswer)+1)
	for i := 0; strings.Contains(text, "Delta"); i++ { // no two formulas are alike, so that none comes from what is kept
		text = strings.Replace(text, "Delta", "delta_{"+strconv.Itoa(i)+"}", 1)
	}
	benchmarkStream(b, text[:8000])
}

func benchmarkStream(b *testing.B, text string) {
	v, w := show(b, look.Light, 1000, 760)
	messages := append(conversation(200), Message{ID: 1000, Role: Assistant, Status: Streaming})
	v.SetMessages(messages)
	const step = 500 * 4 / 30 // bytes between two updates
	var updates, frames []time.Duration
	for b.Loop() {
		m := messages[200]
		m.Content = ""
		v.Update(m)
		for n := step; n < len(text); n += step {
			m.Content = text[:n]
			start := time.Now()
			v.Update(m)
			updated := time.Now()
			w.Canvas().Capture()
			updates = append(updates, updated.Sub(start))
			frames = append(frames, time.Since(start))
		}
	}
	report := func(d []time.Duration, name string) {
		slices.Sort(d)
		ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
		b.ReportMetric(ms(d[len(d)/2]), name+"-median-ms")
		b.ReportMetric(ms(d[len(d)*99/100]), name+"-p99-ms")
		b.ReportMetric(ms(d[len(d)-1]), name+"-max-ms")
	}
	report(updates, "update")
	report(frames, "software-frame")
}

// BenchmarkScroll scrolls through the conversation from its end to its start, meeting each message for the first time.
func BenchmarkScroll(b *testing.B) {
	for b.Loop() {
		v, _ := show(b, look.Light, 1000, 760)
		v.SetMessages(conversation(200))
		steps := 0
		slowest := time.Duration(0)
		start := time.Now()
		for v.column.scroll.Offset.Y > 0 {
			t := time.Now()
			wheel(v, 120)
			slowest = max(slowest, time.Since(t))
			steps++
		}
		b.ReportMetric(float64(time.Since(start).Microseconds())/1000/float64(steps), "ms/step")
		b.ReportMetric(float64(slowest.Microseconds())/1000, "slowest-ms")
	}
}

// BenchmarkOpen opens a conversation of 1,000 messages.
func BenchmarkOpen(b *testing.B) {
	messages := conversation(1000)
	v, _ := show(b, look.Light, 1000, 760)
	for b.Loop() {
		v.SetMessages(nil)
		v.SetMessages(messages)
		v.ScrollToEnd()
	}
}

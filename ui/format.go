package ui

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"fyne.io/fyne/v2/lang"

	"burble/inference"
)

// bytesText writes a size as people read it: "4.9 GB".
func bytesText(n int64) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	f, i := float64(n), 0
	for f >= 999.5 && i < len(units)-1 {
		f /= 1000
		i++
	}
	if i == 0 || f >= 99.5 {
		return fmt.Sprintf("%.0f %s", f, units[i])
	}
	return tenthsText(f) + " " + units[i]
}

// parametersText writes a number of parameters: "8.0B", "494M".
func parametersText(n int64) string {
	switch {
	case n <= 0:
		return ""
	case n >= 999_500_000:
		return tenthsText(float64(n)/1e9) + "B"
	case n >= 999_500:
		return fmt.Sprintf("%.0fM", float64(n)/1e6)
	}
	return fmt.Sprintf("%.0fk", float64(n)/1e3)
}

// tenthsText writes a number with one digit after the point: "4.9".
func tenthsText(f float64) string {
	return strings.Replace(strconv.FormatFloat(f, 'f', 1, 64), ".", lang.X("decimal point", "."), 1)
}

// countText writes a number with separators: "4,096".
func countText(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + lang.X("separator of thousands", ",") + s[i:]
	}
	return s
}

// rateText writes tokens per second.
func rateText(r float64) string {
	if r < 99.5 {
		return tenthsText(r)
	}
	return countText(int(r + 0.5))
}

// whenText writes a moment relative to now: "14:05", "yesterday", "Tuesday", "3 March", "3 March 2024".
func whenText(t, now time.Time) string {
	t, now = t.Local(), now.Local()
	day := func(t time.Time) time.Time { y, m, d := t.Date(); return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }
	switch days := int(day(now).Sub(day(t)).Hours() / 24); {
	case days <= 0:
		return t.Format("15:04")
	case days == 1:
		return lang.L("Yesterday")
	case days < 7:
		return weekday(t)
	case t.Year() == now.Year():
		return lang.L("{{.Day}} {{.Month}}", map[string]any{"Day": t.Day(), "Month": month(t)})
	}
	return lang.L("{{.Day}} {{.Month}} {{.Year}}", map[string]any{"Day": t.Day(), "Month": shortMonth(t), "Year": t.Year()})
}

// noteText is the line of figures below an answer.
func noteText(s *inference.Stats) string {
	if s == nil {
		return ""
	}
	var parts []string
	if r := s.DecodeRate(); r > 0 {
		parts = append(parts, lang.L("{{.Rate}} tokens/s", map[string]any{"Rate": rateText(r)}))
	}
	if s.Tokens > 0 {
		parts = append(parts, lang.N("{{.Count}} tokens", s.Tokens, map[string]any{"Count": countText(s.Tokens)}))
	}
	return strings.Join(parts, " · ")
}

// statusText is the status line's figures for the latest answer.
func statusText(s *inference.Stats) string {
	if s == nil {
		return ""
	}
	var parts []string
	if r := s.DecodeRate(); r > 0 {
		parts = append(parts, lang.L("{{.Rate}} tokens/s", map[string]any{"Rate": rateText(r)}))
	}
	if r := s.PromptRate(); r > 0 {
		parts = append(parts, lang.L("prompt {{.Rate}} tokens/s", map[string]any{"Rate": rateText(r)}))
	}
	if s.Reused > 0 {
		parts = append(parts, lang.L("{{.Count}} reused", map[string]any{"Count": countText(s.Reused)}))
	}
	return strings.Join(parts, "   ·   ")
}

// contextText says how full the context is.
func contextText(used, size int) string {
	if size <= 0 {
		return ""
	}
	return lang.L("context {{.Used}} / {{.Size}}", map[string]any{"Used": countText(used), "Size": countText(size)})
}

// deviceText names the device that a model is on.
func deviceText(m inference.ModelInfo) string {
	if m.GPULayers > 0 && m.GPULayers < m.Layers {
		return lang.L("{{.Device}}, {{.Some}} of {{.All}} layers", map[string]any{"Device": m.Device, "Some": m.GPULayers, "All": m.Layers})
	}
	return m.Device
}

// homeText shortens a path in the user's home folder.
func homeText(path, home string) string {
	if rest, ok := strings.CutPrefix(path, home+string(filepath.Separator)); ok && home != "" {
		return filepath.Join("~", rest)
	}
	return path
}

// shortText writes a short time: "9 ms", "1.4 s".
func shortText(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return tenthsText(d.Seconds()) + " s"
}

package ui

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

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
	return fmt.Sprintf("%.1f %s", f, units[i])
}

// parametersText writes a number of parameters: "8.0B", "494M".
func parametersText(n int64) string {
	switch {
	case n <= 0:
		return ""
	case n >= 999_500_000:
		return fmt.Sprintf("%.1fB", float64(n)/1e9)
	case n >= 999_500:
		return fmt.Sprintf("%.0fM", float64(n)/1e6)
	}
	return fmt.Sprintf("%.0fk", float64(n)/1e3)
}

// countText writes a number with separators: "4,096".
func countText(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// rateText writes tokens per second.
func rateText(r float64) string {
	if r < 99.5 {
		return fmt.Sprintf("%.1f", r)
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
		return "Yesterday"
	case days < 7:
		return t.Weekday().String()
	case t.Year() == now.Year():
		return t.Format("2 January")
	}
	return t.Format("2 Jan 2006")
}

// noteText is the line of figures below an answer.
func noteText(s *inference.Stats) string {
	if s == nil {
		return ""
	}
	var parts []string
	if r := s.DecodeRate(); r > 0 {
		parts = append(parts, rateText(r)+" tokens/s")
	}
	if s.Tokens > 0 {
		parts = append(parts, plural(s.Tokens, "token"))
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
		parts = append(parts, rateText(r)+" tokens/s")
	}
	if r := s.PromptRate(); r > 0 {
		parts = append(parts, "prompt "+rateText(r)+" tokens/s")
	}
	if s.Reused > 0 {
		parts = append(parts, countText(s.Reused)+" reused")
	}
	return strings.Join(parts, "   ·   ")
}

// contextText says how full the context is.
func contextText(used, size int) string {
	if size <= 0 {
		return ""
	}
	return "context " + countText(used) + " / " + countText(size)
}

// deviceText names the device that a model is on.
func deviceText(m inference.ModelInfo) string {
	if m.GPULayers > 0 && m.GPULayers < m.Layers {
		return fmt.Sprintf("%s, %d of %d layers", m.Device, m.GPULayers, m.Layers)
	}
	return m.Device
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return countText(n) + " " + noun + "s"
}

// homeText shortens a path in the user's home folder.
func homeText(path, home string) string {
	if rest, ok := strings.CutPrefix(path, home+string(filepath.Separator)); ok && home != "" {
		return filepath.Join("~", rest)
	}
	return path
}

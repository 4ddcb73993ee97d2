package transcript

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"burble/ui/look"
	"burble/ui/markdown"
)

// seen are the texts of a flow's lines as they stand from left to right, runs parted by a bar.
func seen(t *testing.T, text string, width float32) (lines []string, f *flow) {
	t.Helper()
	show(t, look.Light, 400, 300)
	f = newFlow([]markdown.Span{{Text: text}}, bodyLook(), nil)
	f.heightFor(width)
	runs := slices.Clone(f.runs)
	slices.SortStableFunc(runs, func(a, b run) int { return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.x, b.x)) })
	for i, r := range runs {
		if i > 0 && runs[i-1].line == r.line {
			lines[len(lines)-1] += "|" + r.text
			if gap := r.x - runs[i-1].x - runs[i-1].w; gap > 0.6 || gap < -0.6 {
				t.Errorf("%q: a gap of %v before %q", text, gap, r.text)
			}
		} else {
			lines = append(lines, r.text)
		}
	}
	return lines, f
}

func TestScripts(t *testing.T) {
	for text, want := range map[string]string{
		"plain, with 12 commas.":  "plain, with 12 commas.",
		"Привет и Γειά too":       "Привет и Γειά too",
		"Say 你好 to me":            "Say |你好 |to me",
		"東京は、晴れです。":               "東京は、晴れです。",
		"smile 😀👩‍💻 now":          "smile 😀👩‍💻 now",
		"שלום":                    "שלום",
		"say שלום עולם to me":     "say| |עולם| |שלום| |to| |me",
		"שלום (abc) עולם!":        "!|עולם| |(abc)| |שלום",
		"العربية: مرحبا 12 كتاب.": ".|كتاب| |12| |مرحبا| |:|العربية",
		"100 شكرا":                "شكرا| |100",
		"שלום 👩‍💻 (?)":            "(?)| |👩‍💻| |שלום",
		"नमस्ते ไทย":              "नमस्ते |ไทย",
	} {
		if got, _ := seen(t, text, 4000); strings.Join(got, "/") != want {
			t.Errorf("%q is seen as\n%q, want\n%q", text, got, want)
		}
	}
	// A paragraph from right to left begins each line at the right.
	lines, f := seen(t, strings.Repeat("مرحبا بالعالم ", 20), 300)
	if len(lines) < 3 {
		t.Fatalf("lines %q", lines)
	}
	for i := range lines {
		end := float32(0)
		for _, r := range f.runs {
			if r.line == i {
				end = max(end, r.x+r.w)
			}
		}
		if end < 299 || end > 301 {
			t.Errorf("line %d ends at %v", i, end)
		}
	}
	if got := mirrored("(?!"); got != "!?)" {
		t.Errorf("mirrored: %q", got)
	}
}

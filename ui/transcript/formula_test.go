package transcript

import (
	"image"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"

	"burble/ui/look"
	"burble/ui/markdown"
)

// formulaAnswer has formulas in all places that they stand in.
const formulaAnswer = "The roots of $ax^2 + bx + c = 0$ are given by the **quadratic formula**, where the discriminant $\\Delta = b^2 - 4ac$ decides whether they are real:\n\n" +
	"$$\nx_{1,2} = \\frac{-b \\pm \\sqrt{b^2 - 4ac}}{2a}\n$$\n\n" +
	"1. For $\\Delta > 0$ there are two: $\\frac{-b}{2a} \\pm \\frac{\\sqrt{\\Delta}}{2a}$, which are apart.\n2. For $\\Delta = 0$ one, and \\(x = \\tfrac{-b}{2a}\\).\n\n" +
	"> Every matrix $A \\in \\mathbb{R}^{2 \\times 2}$ has\n> \\[ \\det \\begin{pmatrix} a & b \\\\ c & d \\end{pmatrix} = ad - bc. \\]\n\n" +
	"| Name | Formula |\n|---|--:|\n| Euler | $e^{i\\pi} + 1 = 0$ |\n| Sum | $\\sum_{i=1}^n i = \\frac{n(n+1)}{2}$ |\n\n" +
	"It costs $5 and $10, `$x$` is code, and $\\unknown{x}$ is not understood.\n"

func TestFormulaGolden(t *testing.T) {
	for _, c := range []struct {
		name  string
		mode  look.Mode
		width float32
	}{{"formulas-light", look.Light, 700}, {"formulas-dark-narrow", look.Dark, 420}} {
		_, w := showMessages(t, c.mode, c.width, []Message{{ID: 1, Role: Assistant, Content: formulaAnswer}})
		matches(t, w, c.name)
		keep(t, w, "golden-"+c.name)
	}
}

func blocksOf(v *View) []block {
	var out []block
	for _, c := range v.column.groups[0].message.cells {
		out = append(out, c.block)
	}
	return out
}

func TestFormulaFallsBack(t *testing.T) {
	v, _ := showMessages(t, look.Light, 700, []Message{{ID: 1, Role: Assistant, Content: "$$\n\\unknown{x}\n$$\n\n$$x$$"}})
	blocks := blocksOf(v)
	code, ok := blocks[0].(*codeBlock)
	if !ok || code.language != "latex" || code.code != "$$\n\\unknown{x}\n$$" {
		t.Errorf("what can't be set is %T %v", blocks[0], code)
	}
	if _, ok := blocks[1].(*formulaBlock); !ok {
		t.Errorf("a formula is %T", blocks[1])
	}
}

// TestFormulaStreams holds an unfinished formula to its source, and blocks before it to staying as they are.
func TestFormulaStreams(t *testing.T) {
	v, _ := showMessages(t, look.Light, 700, nil)
	m := Message{ID: 1, Role: Assistant, Status: Streaming}
	v.SetMessages([]Message{m})
	text := "Hence\n\n$$\nx = \\frac{1}{2}\n$$\n\nand $y$ so."
	for n := range len(text) + 1 {
		m.Content = text[:n]
		v.Update(m)
		switch {
		case strings.HasSuffix(text[:n], "\\frac{1}"):
			f, ok := blocksOf(v)[1].(*flow)
			if !ok || f.spans[0].Text != "$$\nx = \\frac{1}" {
				t.Errorf("an unfinished formula is %T", blocksOf(v)[1])
			}
		case strings.HasSuffix(text[:n], "}\n$$"):
			if _, ok := blocksOf(v)[1].(*formulaBlock); !ok {
				t.Errorf("a finished formula is %T", blocksOf(v)[1])
			}
		}
	}
	if f := blocksOf(v)[2].(*flow); len(f.maths) != 1 {
		t.Errorf("%d formulas in the last line", len(f.maths))
	}
}

// TestFormulaLine holds a formula in a line to the text's baseline, and lines to being as high as their formulas.
func TestFormulaLine(t *testing.T) {
	v, _ := show(t, look.Light, 700, 300)
	f := newFlow(v.parser.Parse("low $x$ high $\\dfrac{a}{b}$ low")[0].Text, bodyLook(), v)
	plain := newFlow([]markdown.Span{{Text: "low"}}, bodyLook(), v)
	if f.heightFor(600) <= plain.heightFor(600) {
		t.Error("a fraction does not make the line higher")
	}
	small := newFlow(v.parser.Parse("low $x$")[0].Text, bodyLook(), v)
	if small.heightFor(600) != plain.height {
		t.Errorf("a small formula makes the line %v high instead of %v", small.height, plain.height)
	}
	for _, m := range f.maths {
		base := m.raster.Position().Y + m.top + m.base
		if want := f.runs[0].y + f.base; base != want {
			t.Errorf("the baseline is at %v instead of %v", base, want)
		}
	}
	long := newFlow(v.parser.Parse("$" + strings.Repeat("a + b = c + ", 20) + "d$ end")[0].Text, bodyLook(), v)
	long.heightFor(300)
	if len(long.lines) < 4 {
		t.Errorf("a long formula takes %d lines", len(long.lines))
	}
	for _, r := range long.runs {
		if r.x+r.w > 301 {
			t.Errorf("a piece of a formula ends at %v", r.x+r.w)
		}
	}
	whole := newFlow(v.parser.Parse("$\\underbrace{" + strings.Repeat("a b c ", 60) + "}_n$")[0].Text, bodyLook(), v)
	whole.heightFor(300)
	if r := whole.runs[0]; r.w > 301 {
		t.Errorf("what can't be broken is %v wide in 300", r.w)
	}
}

// TestFormulaSharp draws a formula at two scales: a picture has the pixels of its screen, and ink in it.
func TestFormulaSharp(t *testing.T) {
	v, _ := show(t, look.Light, 700, 300)
	f := newFlow(v.parser.Parse("$\\frac{a}{b}$")[0].Text, bodyLook(), v)
	f.heightFor(600)
	size := f.maths[0].raster.Size()
	for _, scale := range []float32{1, 2} {
		w, h := int(size.Width*scale), int(size.Height*scale)
		p := f.maths[0].draw(w, h).(*image.NRGBA)
		full := 0
		for i := 3; i < len(p.Pix); i += 4 {
			if p.Pix[i] == 255 {
				full++
			}
		}
		if p.Bounds().Dx() != w || full < int(8*scale) {
			t.Errorf("at %v×, the picture is %v with %d full pixels", scale, p.Bounds(), full)
		}
		edge := 0
		for x := range w {
			if p.NRGBAAt(x, 0).A > 40 || p.NRGBAAt(x, h-1).A > 40 {
				edge++
			}
		}
		for y := range h {
			if p.NRGBAAt(0, y).A > 40 || p.NRGBAAt(w-1, y).A > 40 {
				edge++
			}
		}
		if edge > 0 {
			t.Errorf("at %v×, %d pixels of the edge have ink: the formula is cut", scale, edge)
		}
	}
}

// TestFormulaWide scrolls a wide formula sideways.
func TestFormulaWide(t *testing.T) {
	v, _ := showMessages(t, look.Light, 420, []Message{{ID: 1, Role: Assistant, Content: "$$" + strings.Repeat("a + b + ", 40) + "c$$"}})
	k := blocksOf(v)[0].(*formulaBlock)
	if k.content.MinSize().Width <= k.bar.Size().Width {
		t.Fatalf("the formula is %v wide in %v", k.content.MinSize().Width, k.bar.Size().Width)
	}
	k.bar.Scrolled(&fyne.ScrollEvent{Scrolled: fyne.Delta{DX: -50}})
	if k.bar.Offset.X <= 0 {
		t.Error("it does not scroll")
	}
}

// TestHostileAnswers bounds the time of what a model in a loop can write.
func TestHostileAnswers(t *testing.T) {
	if testing.Short() {
		t.Skip("takes the time of drawing, which the race detector multiplies")
	}
	for name, text := range map[string]string{
		"many formulas":  strings.Repeat("$x_{n+1}$ and ", 4000),
		"deep fractions": "$$" + strings.Repeat("\\frac{1}{", 3000) + strings.Repeat("}", 3000) + "$$",
		"long formula":   "$$" + strings.Repeat("x + ", 3900) + "$$",
		"macros":         "$$" + strings.Repeat("\\def\\a{\\a\\a}\\a", 900) + "$$",
		"a long line":    strings.Repeat("word ", 100_000),
		"a long word":    strings.Repeat("x", 200_000),
		"open formulas":  strings.Repeat("\\[ x\n", 20_000),
		"wide matrix":    "$$\\begin{matrix}" + strings.Repeat("x & ", 3900) + "\\end{matrix}$$",
	} {
		start := time.Now()
		_, w := showMessages(t, look.Light, 700, nil)
		v := w.Content().(*View)
		v.SetMessages([]Message{{ID: 1, Role: Assistant, Content: text}})
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("%s took %v", name, took)
		} else {
			t.Logf("%s: %v", name, took)
		}
	}
}

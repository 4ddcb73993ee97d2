package markdown

import (
	"strings"
	"testing"
	"time"
)

func TestFormulas(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"inline", "a $x^2$ b", "p a ⟦$x^2$⟧ b"},
		{"inline brackets", `a \(x_1*y_1*z\) b`, `p a ⟦\(x_1*y_1*z\)⟧ b`},
		{"two", "$a$, $b$", "p ⟦$a$⟧, ⟦$b$⟧"},
		{"adjacent", "$a$$b$", "p $a$$b$"},
		{"dollars", "It costs $5 and $10.", "p It costs $5 and $10."},
		{"range of dollars", "$5-$10, or $5–$10 (US$3)", "p $5-$10, or $5–$10 (US$3)"},
		{"blank inside", "a $ x$ and $x $ b", "p a $ x$ and $x $ b"},
		{"digit after", "$x$5", "p $x$5"},
		{"shell", "set $HOME/bin:$PATH or US$5 and CA$", "p set $HOME/bin:$PATH or US$5 and CA$"},
		{"letters after", "the $n$th and $k$-th", "p the ⟦$n$⟧th and ⟦$k$⟧-th"},
		{"escaped", `\$x\$ and $a\$b$`, `p $x$ and ⟦$a\$b$⟧`},
		{"escaped backslash", `a \\(b\\)`, `p a \(b\)`},
		{"dollar inside", "$a\\$ $b and $c$", "p $a$ $b and ⟦$c$⟧"},
		{"code span", "`$x$` and $a `b$ c`", "p `$x$` and $a `b$ c`"},
		{"code block", "```\n$$\nx\n$$\n```", `code() "$$\nx\n$$"`},
		{"indented code", "    $$x$$", `code() "$$x$$"`},
		{"Chinese", "设$x$为", "p 设⟦$x$⟧为"},
		{"bold", "**a $x$**", "p *a **⟦$x$⟧*"},
		{"link", "[a $x$](b)", "p [a ](b)[⟦$x$⟧](b)"},
		{"display", "$$\nx\n= y\n$$", `math "$$\nx\n= y\n$$"`},
		{"display in a line", "$$x$$", `math "$$x$$"`},
		{"brackets", "\\[\n- x\n+ y\n> 0\n# 1\n\\]", `math "\\[\n- x\n+ y\n> 0\n# 1\n\\]"`},
		{"setext", "$$\na\n=\nb\n$$", `math "$$\na\n=\nb\n$$"`},
		{"after text", "so:\n$$\nx\n$$\nthen", `p so: · math "$$\nx\n$$" · p then`},
		{"within text", "so $$x$$ then", `p so · math "$$x$$" · p then`},
		{"stop after", "so $$x$$. Then", `p so · math "$$x$$." · p Then`},
		{"stop after a block", "$$x$$.", `math "$$x$$."`},
		{"environment", "\\begin{align*}\na &= b \\\\\n&= c\n\\end{align*}", `math "\\begin{align*}\na &= b \\\\\n&= c\n\\end{align*}"`},
		{"in a list", "- a:\n  $$\n  x\n  $$\n- b", `ul{p a: · math "$$\nx\n$$" | p b}`},
		{"in a quote", "> $$\n> x\n> $$", `quote{math "$$\nx\n$$"}`},
		{"in a heading", "# The $x$ axis", "h1 The ⟦$x$⟧ axis"},
		{"in a table", "|a|\n|-|\n|$x$|", "table[0]{a;⟦$x$⟧}"},
		{"open", "$$\nx_1 *a* \\\\", "p $$\nx_1 *a* \\\\"},
		{"open, then a paragraph", "$$\nx *a*\n\nb", "p $$ x /a/ · p b"},
		{"open inline", "a $x_1 b", "p a $x_1 b"},
		{"open before a fence", "\\[\n```\n\\]\n```", "p [ · code() \"\\\\]\""},
		{"row spacing", `\[a\\[2pt]b\]`, `math "\\[a\\\\[2pt]b\\]"`},
		{"two on a line", `\[a\] and \[b\]`, `math "\\[a\\]" · p and · math "\\[b\\]"`},
		{"over two lines", "a $x +\ny$ b", "p a ⟦$x + y$⟧ b"},
		{"empty", "$$ $$ and $$", `math "$$ $$" · p and $$`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := outline(NewParser().Parse(c.src)); got != c.want {
				t.Errorf("Parse(%q)\n got %s\nwant %s", c.src, got, c.want)
			}
		})
	}
}

func TestTeX(t *testing.T) {
	for source, want := range map[string]string{
		"$x$": "x", `\(x\)`: "x", "$$\nx\n$$": "x", `\[ x \]`: "x", "$$x$$.": "x.", "$$x$$ ,": "x,",
		`\begin{align}a\end{align}`: `\begin{align}a\end{align}`, "$$": "", "$": "",
	} {
		if got := TeX(source); got != want {
			t.Errorf("TeX(%q) = %q, want %q", source, got, want)
		}
	}
}

func TestPlainFormulas(t *testing.T) {
	source := "With $x^2$:\n\n$$\ny\n$$"
	if got, want := Plain(NewParser().Parse(source)), "With $x^2$:\n\n$$\ny\n$$"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestHostileFormulas times beginnings without ends, of which each could be searched to the text's end.
func TestHostileFormulas(t *testing.T) {
	if testing.Short() {
		t.Skip("takes the time of parsing, which the race detector multiplies")
	}
	for _, piece := range []string{"$", "$a ", "$a\n", "$$a\n", "$$ ", `\(`, `\(a` + "\n", `\[`, `\[a` + "\n", `\begin{align}` + "\n", "$a$", "$a `", `$\`, "> $$\n", "- $$ a\n"} {
		text := strings.Repeat(piece, 200_000/len(piece))
		start := time.Now()
		NewParser().Parse(text)
		if took := time.Since(start); took > 4*time.Second {
			t.Errorf("200 kB of %q took %v", piece, took)
		} else {
			t.Logf("%q: %v", piece, took)
		}
	}
	start := time.Now()
	NewParser().Parse("$" + strings.Repeat("x", 1<<20) + " $$" + strings.Repeat("y", 1<<20))
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("a line of 2 MB took %v", took)
	}
}

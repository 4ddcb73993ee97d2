package markdown

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func plain(spans []Span) string {
	var b strings.Builder
	for _, s := range spans {
		t := s.Text
		if s.Style&Mono != 0 {
			t = "`" + t + "`"
		}
		if s.Style&Math != 0 {
			t = "⟦" + t + "⟧"
		}
		if s.Style&Italic != 0 {
			t = "/" + t + "/"
		}
		if s.Style&Bold != 0 {
			t = "*" + t + "*"
		}
		if s.Style&Strike != 0 {
			t = "~" + t + "~"
		}
		if s.Link != "" {
			t = "[" + t + "](" + s.Link + ")"
		}
		b.WriteString(t)
	}
	return b.String()
}

// outline writes blocks in a form that is easy to compare.
func outline(blocks []Block) string {
	var out []string
	for _, b := range blocks {
		switch b.Kind {
		case Paragraph:
			out = append(out, "p "+plain(b.Text))
		case Heading:
			out = append(out, fmt.Sprintf("h%d %s", b.Level, plain(b.Text)))
		case Code:
			out = append(out, fmt.Sprintf("code(%s) %q", b.Language, b.Code))
		case Rule:
			out = append(out, "rule")
		case Formula:
			out = append(out, fmt.Sprintf("math %q", b.Code))
		case Quote:
			out = append(out, "quote{"+outline(b.Blocks)+"}")
		case List:
			kind := "ul"
			if b.Ordered {
				kind = fmt.Sprintf("ol%d", b.Start)
			}
			var items []string
			for _, it := range b.Items {
				items = append(items, []string{"", "[ ]", "[x]"}[it.Task]+outline(it.Blocks))
			}
			out = append(out, kind+"{"+strings.Join(items, " | ")+"}")
		case Table:
			rows := append([][][]Span{b.Head}, b.Rows...)
			var lines []string
			for _, r := range rows {
				var cells []string
				for _, c := range r {
					cells = append(cells, plain(c))
				}
				lines = append(lines, strings.Join(cells, ","))
			}
			out = append(out, fmt.Sprintf("table%v{%s}", b.Align, strings.Join(lines, ";")))
		}
	}
	return strings.Join(out, " · ")
}

func TestParse(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"paragraph", "one\ntwo", "p one two"},
		{"hard break", "one  \ntwo", "p one\ntwo"},
		{"styles", "a *b* **c** `d` ~~e~~ ***f***", "p a /b/ *c* `d` ~e~ */f/*"},
		{"heading", "## Title `x`", "h2 Title `x`"},
		{"setext", "Title\n===", "h1 Title"},
		{"code", "```Go\nfunc main() {}\n\n```", `code(go) "func main() {}\n"`},
		{"open code", "```go\nfunc", `code(go) "func"`},
		{"indented code", "    a\n    b", `code() "a\nb"`},
		{"list", "- a\n- b\n  1. c\n  2. d", "ul{p a | p b · ol1{p c | p d}}"},
		{"ordered from", "3. a\n4. b", "ol3{p a | p b}"},
		{"tasks", "- [ ] a\n- [x] b", "ul{[ ]p a | [x]p b}"},
		{"quote", "> a\n>\n> - b", "quote{p a · ul{p b}}"},
		{"rule", "a\n\n---\n\nb", "p a · rule · p b"},
		{"table", "|a|b|\n|:-:|-:|\n|`1`|2|", "table[1 2]{a,b;`1`,2}"},
		{"link", "[Go](https://go.dev) and https://pkg.go.dev.", "p [Go](https://go.dev) and [https://pkg.go.dev](https://pkg.go.dev)."},
		{"mail", "<a@b.de>", "p [a@b.de](mailto:a@b.de)"},
		{"generics stay", "use vector<int> and map<K, V>", "p use vector<int> and map<K, V>"},
		{"tags stay", "<think>hm</think> and <div>x</div>", "p <think>hm</think> and <div>x</div>"},
		{"html block is text", "<div>\n**b**\n</div>", "p <div> *b* </div>"},
		{"br in table", "|a|\n|-|\n|x<br>y|", "table[0]{a;x\ny}"},
		{"entities", `&lt;b&gt; &amp; \*no\* &copy;`, "p <b> & *no* ©"},
		{"code keeps entities", "`&lt;`", "p `&lt;`"},
		{"image becomes link", "![cat](https://x.y/cat.png)", "p [cat](https://x.y/cat.png)"},
		{"footnote", "See[^1].\n\n[^1]: https://go.dev\n[^2]: word", "p See[^1]. · p [^1]: [https://go.dev](https://go.dev)\n[^2]: word"},
		{"empty", "\n\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := outline(NewParser().Parse(c.src)); got != c.want {
				t.Errorf("Parse(%q)\n got %s\nwant %s", c.src, got, c.want)
			}
		})
	}
}

func TestBreaks(t *testing.T) {
	p := NewParser()
	p.Breaks = true
	if got, want := outline(p.Parse("one\ntwo")), "p one\ntwo"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

const sample = "# Cut\n\n`strings.Cut` slices *s* around\nthe first **sep**.\n\n```go\nfunc Cut(s, sep string) (before, after string, found bool)\n\n// more\n```\n\n" +
	"1. one\n\n2. two\n   - nested\n\n     ```sh\n     ls\n\n     pwd\n     ```\n\n   still two\n\nAfter the list.\n\n> quote\n> more\n\n> second\n\n" +
	"| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n\n- [ ] task\n- [x] done\n\n    indented under the list\n\nText <int> & so on.\n\n    code\n\nWith $x_1$ and\n$$\n- y_2\n= z\n$$\nafter it \\(a*b*c\\).\n\n1. in a list\n   \\[\n   \\frac{a}{b}\n   \\]\n\nText.\n\n    code too\n\n````md\n```\nx\n```\n\ny\n````\n\n~~~\n```\n\nz\n~~~\n\nEnd with https://go.dev\n"

// TestDocumentGrows holds the incremental document to a parse of the whole at every length of the text.
func TestDocumentGrows(t *testing.T) {
	p := NewParser()
	d := NewDocument(p)
	var last []Block
	for n := 0; n <= len(sample); n++ {
		blocks, from := d.Set(sample[:n])
		if got, want := outline(blocks), outline(p.Parse(sample[:n])); got != want {
			t.Fatalf("after %q:\n got %s\nwant %s", sample[:n], got, want)
		}
		if from > len(last) || from > len(blocks) || !EqualBlocks(blocks[:from], last[:from]) {
			t.Fatalf("after %d bytes: blocks before %d changed", n, from)
		}
		last = append(last[:0:0], blocks...)
	}
	if d.frozen < 8 {
		t.Errorf("only %d blocks were frozen; the tail is parsed again and again", d.frozen)
	}
}

// TestDocumentPieces mixes the sample's lines at random: cuts must be right whatever the neighbours.
func TestDocumentPieces(t *testing.T) {
	lines := strings.SplitAfter(sample, "\n")
	r := rand.New(rand.NewPCG(1, 2))
	p := NewParser()
	for round := range 300 {
		d := NewDocument(p)
		var text strings.Builder
		for range 40 {
			text.WriteString(lines[r.IntN(len(lines))])
			blocks, _ := d.Set(text.String())
			if got, want := outline(blocks), outline(p.Parse(text.String())); got != want {
				t.Fatalf("round %d, text %q:\n got %s\nwant %s", round, text.String(), got, want)
			}
		}
	}
}

func TestDocumentFinish(t *testing.T) {
	p := NewParser()
	d := NewDocument(p)
	text := "See [the docs].\n\nMore.\n\nEven more.\n\n[the docs]: https://go.dev\n"
	for n := range text {
		d.Set(text[:n])
	}
	d.Set(text)
	blocks, from := d.Finish()
	if from != 0 {
		t.Errorf("the first paragraph has changed, but Finish says %d", from)
	}
	if got, want := outline(blocks), "p See [the docs](https://go.dev). · p More. · p Even more."; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestDocumentReplaced(t *testing.T) {
	d := NewDocument(NewParser())
	d.Set("one\n\ntwo\n\nthree\n")
	blocks, from := d.Set("other")
	if from != 0 || outline(blocks) != "p other" {
		t.Errorf("got %s from %d", outline(blocks), from)
	}
}

func FuzzDocument(f *testing.F) {
	f.Add(sample)
	f.Add("- a\n\n  b\n\nc")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4096 {
			return
		}
		p := NewParser()
		d := NewDocument(p)
		for n := 0; n < len(text); n += 1 + n/8 {
			d.Set(text[:n])
		}
		d.Set(text)
		blocks, _ := d.Finish()
		if got, want := outline(blocks), outline(p.Parse(text)); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	})
}

func BenchmarkDocumentStream(b *testing.B) {
	text := strings.Repeat(sample, 4)
	steps := 0
	for b.Loop() {
		d := NewDocument(NewParser())
		steps = 0
		for n := 0; n < len(text); n += 64 { // about sixteen tokens, what 500 tokens a second bring at 30 Hz
			d.Set(text[:n])
			steps++
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*steps), "µs/update")
}

package markdown

import (
	"bufio"
	"bytes"
	"html"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	ghtml "github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// Parser parses Markdown. It is safe for use by one goroutine at a time.
type Parser struct {
	md goldmark.Markdown
	// Breaks makes a single line break in a paragraph a line break in the output, as people mean it when they type.
	// Without it, CommonMark's rule holds: it is a space.
	Breaks bool
}

// NewParser returns a parser for CommonMark with GitHub's additions.
//
// HTML blocks are not recognised at all: their lines are paragraphs with literal tags in them, so that Markdown
// inside of <details> or <think> still reads as Markdown.
func NewParser() *Parser {
	blocks := parser.DefaultBlockParsers()
	kept := blocks[:0]
	for _, b := range blocks {
		if b.Priority != htmlBlockPriority {
			kept = append(kept, b)
		}
	}
	p := parser.NewParser(
		parser.WithBlockParsers(append(kept, util.Prioritized(mathBlockParser{}, mathBlockPriority))...),
		parser.WithInlineParsers(append(parser.DefaultInlineParsers(), util.Prioritized(mathSpanParser{}, mathSpanPriority))...),
		parser.WithParagraphTransformers(util.Prioritized(linkReferences{parser.LinkReferenceParagraphTransformer}, 100)),
	)
	return &Parser{md: goldmark.New(goldmark.WithParser(p), goldmark.WithExtensions(extension.GFM))}
}

// linkReferences takes the definitions of links out of paragraphs, and leaves those of footnotes there: a footnote is
// text, and must not vanish because it is one word or an address.
type linkReferences struct{ parser.ParagraphTransformer }

// Transform is goldmark's.
func (l linkReferences) Transform(n *ast.Paragraph, reader text.Reader, pc parser.Context) {
	first := n.Lines().At(0)
	if !bytes.HasPrefix(bytes.TrimLeft(first.Value(reader.Source()), " "), []byte("[^")) {
		l.ParagraphTransformer.Transform(n, reader, pc)
	}
}

// htmlBlockPriority is the priority under which goldmark's DefaultBlockParsers lists the parser of HTML blocks.
const htmlBlockPriority = 900

// Formulas come before paragraphs, and before links and emphasis.
const mathBlockPriority, mathSpanPriority = 650, 150

// Parse returns the blocks of a text.
func (p *Parser) Parse(source string) []Block {
	src := []byte(source)
	c := converter{src: src, breaks: p.Breaks}
	return c.blocks(p.md.Parser().Parse(text.NewReader(src)))
}

// converter walks goldmark's tree.
type converter struct {
	src    []byte
	breaks bool
	depth  int // of lists and quotes
}

// maxDepth is how deep lists and quotes may be nested. What is deeper is shown without its frame: there would be no
// room left for it.
const maxDepth = 16

func (c *converter) blocks(parent ast.Node) []Block {
	return c.appendBlocks(nil, parent)
}

func (c *converter) appendBlocks(out []Block, parent ast.Node) []Block {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		switch n.Kind() {
		case ast.KindBlockquote, ast.KindList, ast.KindListItem:
			if c.depth >= maxDepth {
				out = c.appendBlocks(out, n)
				continue
			}
			c.depth++
			if b, ok := c.block(n); ok {
				out = append(out, b)
			}
			c.depth--
			continue
		case ast.KindParagraph, ast.KindTextBlock:
			out = append(out, splitFormulas(c.inline(n))...)
			continue
		}
		if b, ok := c.block(n); ok {
			out = append(out, b)
		}
	}
	return out
}

func (c *converter) block(n ast.Node) (Block, bool) {
	switch n := n.(type) {
	case *ast.Heading:
		return Block{Kind: Heading, Level: n.Level, Text: c.inline(n)}, true
	case *mathBlock:
		return c.math(n), true
	case *ast.FencedCodeBlock:
		return Block{Kind: Code, Language: strings.ToLower(string(n.Language(c.src))), Code: c.lines(n)}, true
	case *ast.CodeBlock:
		return Block{Kind: Code, Code: c.lines(n)}, true
	case *ast.Blockquote:
		return Block{Kind: Quote, Blocks: c.blocks(n)}, true
	case *ast.ThematicBreak:
		return Block{Kind: Rule}, true
	case *ast.List:
		return c.list(n), true
	case *east.Table:
		return c.table(n), true
	}
	return Block{}, false
}

func (c *converter) list(n *ast.List) Block {
	b := Block{Kind: List, Ordered: n.IsOrdered(), Start: n.Start, Loose: !n.IsTight}
	for item := n.FirstChild(); item != nil; item = item.NextSibling() {
		it := Item{Blocks: c.blocks(item)}
		if first := item.FirstChild(); first != nil {
			if box, ok := first.FirstChild().(*east.TaskCheckBox); ok {
				it.Task = OpenTask
				if box.IsChecked {
					it.Task = DoneTask
				}
			}
		}
		b.Items = append(b.Items, it)
	}
	return b
}

func (c *converter) table(n *east.Table) Block {
	b := Block{Kind: Table}
	for _, a := range n.Alignments {
		switch a {
		case east.AlignCenter:
			b.Align = append(b.Align, Center)
		case east.AlignRight:
			b.Align = append(b.Align, Trailing)
		default:
			b.Align = append(b.Align, Leading)
		}
	}
	for row := n.FirstChild(); row != nil; row = row.NextSibling() {
		var cells [][]Span
		for cell := row.FirstChild(); cell != nil; cell = cell.NextSibling() {
			cells = append(cells, c.inline(cell))
		}
		if _, ok := row.(*east.TableHeader); ok {
			b.Head = cells
		} else {
			b.Rows = append(b.Rows, cells)
		}
	}
	return b
}

// lines joins a code block's lines, without the last line break.
func (c *converter) lines(n ast.Node) string {
	var b strings.Builder
	for i := range n.Lines().Len() {
		seg := n.Lines().At(i)
		b.Write(seg.Value(c.src))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (c *converter) inline(parent ast.Node) []Span {
	var out []Span
	c.spans(parent, 0, "", &out)
	return trim(join(out))
}

func (c *converter) spans(parent ast.Node, style Style, link string, out *[]Span) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Text:
			t := string(n.Segment.Value(c.src))
			if style&Mono == 0 && !n.IsRaw() {
				t = unescape(t)
			} else {
				t = strings.ReplaceAll(t, "\n", " ")
			}
			switch {
			case n.HardLineBreak(), n.SoftLineBreak() && (c.breaks || c.footnoteAt(n.Segment.Stop)):
				t += "\n"
			case n.SoftLineBreak():
				t += " "
			}
			add(out, Span{Text: t, Style: style, Link: link})
		case *ast.String:
			add(out, Span{Text: string(n.Value), Style: style, Link: link})
		case *mathSpan:
			*out = append(*out, Span{Text: strings.ReplaceAll(n.source, "\n", " "), Style: style | Math, Link: link})
		case *ast.CodeSpan:
			c.spans(n, style|Mono, link, out)
		case *ast.Emphasis:
			s := Italic
			if n.Level >= 2 {
				s = Bold
			}
			c.spans(n, style|s, link, out)
		case *east.Strikethrough:
			c.spans(n, style|Strike, link, out)
		case *ast.Link:
			c.spans(n, style, string(n.Destination), out)
		case *ast.Image: // images are not fetched: a chat must not call home. The description links to it.
			before := len(*out)
			c.spans(n, style, string(n.Destination), out)
			if len(*out) == before {
				add(out, Span{Text: string(n.Destination), Style: style, Link: string(n.Destination)})
			}
		case *ast.AutoLink:
			address := string(n.URL(c.src))
			if n.AutoLinkType == ast.AutoLinkEmail && !strings.HasPrefix(strings.ToLower(address), "mailto:") {
				address = "mailto:" + address
			}
			add(out, Span{Text: string(n.Label(c.src)), Style: style, Link: address})
		case *ast.RawHTML:
			for i := range n.Segments.Len() {
				seg := n.Segments.At(i)
				t := string(seg.Value(c.src))
				if strings.EqualFold(t, "<br>") || strings.EqualFold(t, "<br/>") || strings.EqualFold(t, "<br />") {
					t = "\n" // the one tag models use in tables, where Markdown has no line break of its own
				}
				add(out, Span{Text: t, Style: style, Link: link})
			}
		case *east.TaskCheckBox: // the list item has it
		default:
			c.spans(n, style, link, out)
		}
	}
}

// footnoteAt reports whether the line after a place begins with a footnote's definition.
func (c *converter) footnoteAt(at int) bool {
	return bytes.HasPrefix(bytes.TrimLeft(c.src[at:min(at+8, len(c.src))], " \r\n"), []byte("[^"))
}

// add appends a span.
func add(out *[]Span, s Span) {
	if s.Text != "" {
		*out = append(*out, s)
	}
}

// join makes one span of neighbours that look the same.
func join(spans []Span) []Span {
	var out []Span
	var text strings.Builder
	for i := 0; i < len(spans); {
		s := spans[i]
		end := i + 1
		for end < len(spans) && spans[end].Style == s.Style && spans[end].Link == s.Link && s.Style&Math == 0 {
			end++
		}
		if end > i+1 {
			text.Reset()
			for _, t := range spans[i:end] {
				text.WriteString(t.Text)
			}
			s.Text = text.String()
		}
		out = append(out, s)
		i = end
	}
	return out
}

// trim removes blanks at both ends of a paragraph.
func trim(spans []Span) []Span {
	for len(spans) > 0 {
		last := &spans[len(spans)-1]
		if last.Style&Math != 0 {
			break
		}
		last.Text = strings.TrimRight(last.Text, " \n")
		if last.Text != "" {
			break
		}
		spans = spans[:len(spans)-1]
	}
	for len(spans) > 0 {
		spans[0].Text = strings.TrimLeft(spans[0].Text, " \n")
		if spans[0].Text != "" {
			break
		}
		spans = spans[1:]
	}
	return spans
}

// unescape resolves backslash escapes and character references. goldmark resolves them only while it writes HTML,
// so that is what it is asked to do; the standard library then undoes the HTML.
func unescape(s string) string {
	if !strings.ContainsAny(s, "\\&") {
		return s
	}
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	ghtml.DefaultWriter.Write(w, []byte(s))
	if err := w.Flush(); err != nil {
		return s
	}
	return html.UnescapeString(b.String())
}

package markdown

import (
	"bytes"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// Formulas stand between $ and $ or \( and \) in a line, between $$ and $$ or \[ and \] on their own, or in one of
// LaTeX's environments for them. As in pandoc, a dollar opens a formula only where no blank follows, and closes it only
// where none stands before and no digit after; a formula holds no blank line. On top of that, a dollar right after a
// letter or digit opens none, none is closed right before a capital, and none holds a backtick or another dollar: US$ 5,
// $HOME/a:$PATH and code stay what they are. What has no end (yet) is text.

const (
	maxInline      = 4 << 10
	maxDisplayed   = 16 << 10
	maxInlineLines = 5
	maxLines       = 120
)

var (
	kindMath      = ast.NewNodeKind("Math")
	kindMathBlock = ast.NewNodeKind("MathBlock")
)

// mathSpan is a formula within a paragraph: its source with what encloses it.
type mathSpan struct {
	ast.BaseInline
	source string
}

// Kind is goldmark's.
func (n *mathSpan) Kind() ast.NodeKind { return kindMath }

// Dump is goldmark's.
func (n *mathSpan) Dump(source []byte, level int) {
	ast.DumpHelper(n, source, level, map[string]string{"source": n.source}, nil)
}

// mathBlock is a formula that stands on its own; its lines are its source.
type mathBlock struct {
	ast.BaseBlock
	closer string
	open   bool // the end has not come yet, and the text's may be where it is missing
	done   bool
}

// Kind is goldmark's.
func (n *mathBlock) Kind() ast.NodeKind { return kindMathBlock }

// Dump is goldmark's.
func (n *mathBlock) Dump(source []byte, level int) { ast.DumpHelper(n, source, level, nil, nil) }

// searched remembers where no end of a formula is, so that a text full of beginnings is not searched again for each.
type searched struct{ from, to int }

var searchedKeys = map[string]parser.ContextKey{"$": parser.NewContextKey(), "$$": parser.NewContextKey(), `\)`: parser.NewContextKey(), `\]`: parser.NewContextKey()}

// nothing returns how far after a place no end was found before.
func nothing(pc parser.Context, closer string, at int) int {
	if s, ok := pc.Get(searchedKeys[closer]).(searched); ok && at >= s.from && at < s.to {
		return s.to
	}
	return at
}

func remember(pc parser.Context, closer string, from, to int) {
	if key, ok := searchedKeys[closer]; ok {
		pc.Set(key, searched{from, to})
	}
}

// closes reports whether a formula may end with the closer at text[i:].
func closes(text []byte, i int, closer string) bool {
	if !bytes.HasPrefix(text[i:], []byte(closer)) {
		return false
	}
	escaped := false
	for j := i - 1; j >= 0 && text[j] == '\\'; j-- {
		escaped = !escaped
	}
	if escaped {
		return false
	}
	if closer != "$" {
		return true
	}
	if i == 0 || text[i-1] == ' ' || text[i-1] == '\t' || text[i-1] == '\n' {
		return false
	}
	if i+1 == len(text) {
		return true
	}
	c := text[i+1]
	return c != '$' && c != '_' && c != '{' && (c < '0' || c > '9') && (c < 'A' || c > 'Z')
}

type mathSpanParser struct{}

// Trigger is goldmark's.
func (mathSpanParser) Trigger() []byte { return []byte{'$', '\\'} }

// Parse reads a formula within a paragraph.
func (mathSpanParser) Parse(_ ast.Node, block text.Reader, pc parser.Context) ast.Node {
	line, first := block.PeekLine()
	opener, closer, limit, lines := "", "", maxInline, maxInlineLines
	switch {
	case bytes.HasPrefix(line, []byte("$$")):
		opener, closer, limit, lines = "$$", "$$", maxDisplayed, maxLines
	case line[0] == '$':
		opener, closer = "$", "$"
		before := block.PrecendingCharacter()
		if before < 0x80 && (before == '$' || isAlphanumeric(byte(before))) || len(line) < 2 || line[1] == ' ' || line[1] == '\t' || line[1] == '\n' {
			return nil
		}
	case bytes.HasPrefix(line, []byte(`\(`)):
		opener, closer = `\(`, `\)`
	case bytes.HasPrefix(line, []byte(`\[`)):
		opener, closer, limit, lines = `\[`, `\]`, maxDisplayed, maxLines
	default:
		return nil
	}
	start := first.Start + len(opener)
	clean := nothing(pc, closer, start)
	var source strings.Builder
	end := start
	for n := 0; n < lines; n++ {
		line, segment := block.PeekLine()
		if line == nil {
			break
		}
		from := 0
		if n == 0 {
			from = len(opener)
		}
		last := min(len(line), limit-source.Len())
		for i := max(from, clean-segment.Start); i < last; i++ {
			if line[i] != closer[0] && line[i] != '`' || closer != "$" && !closes(line, i, closer) {
				continue
			}
			if closer == "$" && !closes(line, i, closer) {
				if i > 0 && line[i-1] == '\\' {
					continue
				}
				remember(pc, closer, start, segment.Start+i)
				return nil
			}
			if n == 0 && i == from {
				return nil
			}
			source.Write(line[:i+len(closer)])
			block.Advance(i + len(closer))
			return &mathSpan{source: source.String()}
		}
		end = segment.Start + last
		if last < len(line) {
			break
		}
		source.Write(line)
		block.AdvanceLine()
	}
	remember(pc, closer, start, end)
	return nil
}

func isAlphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

type mathBlockParser struct{}

// Trigger is goldmark's.
func (mathBlockParser) Trigger() []byte { return []byte{'$', '\\'} }

// Open begins a formula at a line's start, where its end can be seen, or where the text ends before one could.
func (mathBlockParser) Open(_ ast.Node, reader text.Reader, pc parser.Context) (ast.Node, parser.State) {
	line, segment := reader.PeekLine()
	pos := pc.BlockOffset()
	if pos < 0 || pos >= len(line) {
		return nil, parser.NoChildren
	}
	opener, closer := displayDelimiters(line[pos:])
	if opener == "" {
		return nil, parser.NoChildren
	}
	start := segment.Start + pos - segment.Padding + len(opener)
	found, open := findEnd(reader.Source(), start, closer, pc)
	if !found && !open {
		return nil, parser.NoChildren
	}
	n := &mathBlock{closer: closer, open: open}
	first := text.NewSegment(segment.Start+pos-segment.Padding, segment.Stop)
	n.Lines().Append(first)
	inner := first.Value(reader.Source())[len(opener):]
	n.done = endIn(inner, closer)
	reader.AdvanceToEOL()
	return n, parser.NoChildren
}

// displayDelimiters returns what opens a formula at a line's start, and what closes it.
func displayDelimiters(line []byte) (opener, closer string) {
	switch {
	case bytes.HasPrefix(line, []byte("$$")):
		return "$$", "$$"
	case bytes.HasPrefix(line, []byte(`\[`)):
		return `\[`, `\]`
	case bytes.HasPrefix(line, []byte(`\begin{`)):
		name, _, ok := bytes.Cut(line[len(`\begin{`):min(len(line), 40)], []byte("}"))
		if ok && mathEnvironment(strings.TrimSuffix(string(name), "*")) {
			return `\begin{` + string(name) + "}", `\end{` + string(name) + "}"
		}
	}
	return "", ""
}

func mathEnvironment(name string) bool {
	switch name {
	case "equation", "align", "gather", "multline", "eqnarray", "alignat", "flalign", "displaymath":
		return true
	}
	return false
}

func endIn(line []byte, closer string) bool {
	for i := 0; i < len(line); i++ {
		if line[i] == closer[0] && closes(line, i, closer) {
			return true
		}
	}
	return false
}

// findEnd looks for a formula's end from a place in the source on, up to the next blank line. open says that the
// source ends before either. What follows the end on its line may be a stop or a comma alone.
func findEnd(source []byte, from int, closer string, pc parser.Context) (found, open bool) {
	at := nothing(pc, closer, from)
	for lines := 0; lines < maxLines && at < len(source) && at-from < maxDisplayed; lines++ {
		end := bytes.IndexByte(source[at:], '\n')
		if end < 0 {
			end = len(source)
		} else {
			end += at
		}
		line := source[at:end]
		if lineStart := at == 0 || source[at-1] == '\n'; lineStart {
			trimmed := bytes.Trim(line, " \t\r>")
			if len(trimmed) == 0 || bytes.HasPrefix(trimmed, []byte("```")) || bytes.HasPrefix(trimmed, []byte("~~~")) {
				return false, false
			}
		}
		for i := range line {
			if line[i] == closer[0] && closes(line, i, closer) {
				return len(bytes.Trim(line[i+len(closer):], " \t\r.,;:")) == 0, false
			}
		}
		at = min(end+1, len(source))
	}
	if at < len(source) { // it is longer than a formula can be
		remember(pc, closer, from, at)
		return false, false
	}
	return false, at-from < maxDisplayed
}

// Continue reads the formula's next line.
func (mathBlockParser) Continue(node ast.Node, reader text.Reader, _ parser.Context) parser.State {
	n := node.(*mathBlock)
	line, segment := reader.PeekLine()
	if n.done || len(bytes.TrimSpace(line)) == 0 {
		return parser.Close
	}
	n.Lines().Append(segment)
	n.done = endIn(line, n.closer)
	reader.AdvanceToEOL()
	return parser.Continue | parser.NoChildren
}

// Close is goldmark's.
func (mathBlockParser) Close(ast.Node, text.Reader, parser.Context) {}

// CanInterruptParagraph lets a formula follow text without a blank line.
func (mathBlockParser) CanInterruptParagraph() bool { return true }

// CanAcceptIndentedLine is goldmark's.
func (mathBlockParser) CanAcceptIndentedLine() bool { return false }

// math returns a displayed formula's block. One that has no end is text.
func (c *converter) math(n *mathBlock) Block {
	source := strings.TrimRight(c.lines(n), "\r\n \t")
	if !n.done {
		return Block{Kind: Paragraph, Text: trim([]Span{{Text: source}})}
	}
	return Block{Kind: Formula, Code: source}
}

// splitFormulas parts a paragraph at the displayed formulas in it. A stop or a comma right after a formula becomes part
// of it.
func splitFormulas(spans []Span) []Block {
	var out []Block
	start := 0
	flush := func(end int) {
		if text := trim(append([]Span(nil), spans[start:end]...)); len(text) > 0 {
			out = append(out, Block{Kind: Paragraph, Text: text})
		}
	}
	for i, s := range spans {
		if s.Style&Math == 0 || !Displayed(s.Text) {
			continue
		}
		flush(i)
		formula := s.Text
		start = i + 1
		if start < len(spans) && spans[start].Style&Math == 0 && spans[start].Link == "" {
			rest := spans[start].Text
			stops := rest[:len(rest)-len(strings.TrimLeft(rest, ".,;:"))]
			after := rest[len(stops):]
			if stops != "" && (after == "" || after[0] == ' ' || after[0] == '\n') {
				formula += stops
				spans[start].Text = after
			}
		}
		out = append(out, Block{Kind: Formula, Code: formula})
	}
	flush(len(spans))
	return out
}

// Displayed reports whether a formula's source asks for it to stand on its own.
func Displayed(source string) bool {
	return strings.HasPrefix(source, "$$") || strings.HasPrefix(source, `\[`) || strings.HasPrefix(source, `\begin{`)
}

// TeX returns a formula's source without what encloses it.
func TeX(source string) string {
	if strings.HasPrefix(source, `\begin{`) {
		return source
	}
	n := 2
	if strings.HasPrefix(source, "$") && !strings.HasPrefix(source, "$$") {
		n = 1
	}
	if len(source) < 2*n {
		return ""
	}
	inner := strings.TrimRight(source, ".,;: ")
	stops := strings.TrimSpace(source[len(inner):])
	return strings.TrimSpace(inner[n:len(inner)-n]) + stops
}

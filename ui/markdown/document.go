package markdown

import "strings"

// Document parses a text that grows at its end. Blocks that no further text can change are parsed once and kept;
// only the tail after them is parsed again.
type Document struct {
	parser *Parser
	source string
	blocks []Block
	frozen int // blocks[:frozen] are final
	offset int // source[:offset] is what they were made of
	scan   scanner
}

// NewDocument returns an empty document.
func NewDocument(p *Parser) *Document { return &Document{parser: p} }

// Source returns the text last set.
func (d *Document) Source() string { return d.source }

// Set parses text and returns the document's blocks. Blocks before the index from are the same as at the last call.
// The slice is the document's own and holds until the next call. Where text continues what was set before, only its
// tail is parsed.
//
// The one thing that freezing gets wrong is a link's definition at the text's end for a link further up: call Finish
// when the text is complete.
func (d *Document) Set(text string) (blocks []Block, from int) {
	if !strings.HasPrefix(text, d.source) {
		*d = Document{parser: d.parser}
	}
	d.source = text
	from = d.frozen
	if cut := d.scan.advance(text); cut > d.offset {
		d.blocks = append(d.blocks[:d.frozen], d.parser.Parse(text[d.offset:cut])...)
		d.frozen, d.offset = len(d.blocks), cut
	}
	d.blocks = append(d.blocks[:d.frozen:d.frozen], d.parser.Parse(text[d.offset:])...)
	return d.blocks, from
}

// Finish parses the whole text at once and returns its blocks, and the first that differs from what Set returned.
func (d *Document) Finish() (blocks []Block, from int) {
	all := d.parser.Parse(d.source)
	for from < len(all) && from < len(d.blocks) && all[from].Equal(&d.blocks[from]) {
		from++
	}
	d.blocks, d.frozen, d.offset = all, len(all), len(d.source)
	return all, from
}

// scanner finds the places where a text can be cut, line by line. A cut lies after a blank line, outside of a fenced
// code block, before a line that begins with neither a blank nor a list's or a quote's marker: nothing after such a
// line can belong to a block before it. The scanner rather misses a place than finds a wrong one.
type scanner struct {
	at     int  // start of the first line not yet seen
	blank  bool // the line before was blank
	fence  byte // character of the open fence, or 0
	length int  // of the open fence's run of characters
	indent int  // of the open fence
	lost   bool // whether a fence is open is no longer certain; no cuts from here on
	cut    int
}

// advance looks at the complete lines of text that it has not seen yet and returns the last cut.
func (s *scanner) advance(text string) int {
	for {
		end := strings.IndexByte(text[s.at:], '\n')
		if end < 0 {
			return s.cut
		}
		s.line(text[s.at : s.at+end])
		s.at += end + 1
	}
}

func (s *scanner) line(line string) {
	trimmed := strings.TrimLeft(line, " \t")
	if strings.TrimSpace(trimmed) == "" {
		s.blank = true
		return
	}
	indent := len(line) - len(trimmed)
	if s.fence != 0 && indent < s.indent {
		// An indented fence may stand in a list item, which this line may end, and the fence with it.
		s.lost = true
	}
	if s.lost {
		return
	}
	if s.fence == 0 && s.blank && indent == 0 && !isMarker(line) {
		s.cut = s.at
	}
	s.blank = false
	c, n := fenceRun(trimmed)
	switch {
	case n < 3:
	case s.fence == 0:
		if c != '`' || !strings.Contains(trimmed[n:], "`") {
			s.fence, s.length, s.indent = c, n, indent
		}
	case c == s.fence && n >= s.length && indent <= s.indent+3 && strings.TrimSpace(trimmed[n:]) == "":
		s.fence = 0
	}
}

// fenceRun returns the character and length of a fence's run at the start of a line.
func fenceRun(line string) (byte, int) {
	c := line[0]
	if c != '`' && c != '~' {
		return 0, 0
	}
	n := 1
	for n < len(line) && line[n] == c {
		n++
	}
	return c, n
}

// isMarker reports whether a line may begin a list item or a quote, and so continue one before it.
func isMarker(line string) bool {
	switch c := line[0]; {
	case c == '-' || c == '+' || c == '*' || c == '>':
		return true
	case c >= '0' && c <= '9':
		return true
	}
	return false
}

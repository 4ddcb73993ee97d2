// Package markdown turns Markdown text into a small model of blocks and spans, which the transcript draws.
//
// It knows nothing of widgets. CommonMark with GitHub's additions (tables, task lists, strike-through, bare links)
// is parsed by goldmark; raw HTML is kept as literal text, so that vector<int> or <think> never vanish.
package markdown

import "slices"

// Kind says what a block is.
type Kind uint8

// The kinds of blocks.
const (
	Paragraph Kind = iota // Text
	Heading               // Text, Level
	Code                  // Code, Language
	List                  // Items, Ordered, Start, Loose
	Quote                 // Blocks
	Table                 // Align, Head, Rows
	Rule                  // nothing
	Formula               // Code: with what encloses it; see TeX
)

// Block is one block of a document. Which fields are used depends on its Kind.
type Block struct {
	Kind     Kind
	Level    int      // Heading: 1 to 6
	Text     []Span   // Paragraph, Heading
	Language string   // Code: the fence's first word, or empty
	Code     string   // Code: without a final line break. Formula: its source
	Ordered  bool     // List
	Start    int      // List: the first number of an ordered one
	Loose    bool     // List: items stand apart
	Items    []Item   // List
	Blocks   []Block  // Quote
	Align    []Align  // Table: of each column
	Head     [][]Span // Table: cells of the first row
	Rows     [][][]Span
}

// Item is one item of a list.
type Item struct {
	Task   Task
	Blocks []Block
}

// Task says whether a list item has a check box, and how it stands.
type Task uint8

// The states of a list item's check box.
const (
	NoTask Task = iota
	OpenTask
	DoneTask
)

// Align is a table column's alignment.
type Align uint8

// Alignments of a table's column.
const (
	Leading Align = iota
	Center
	Trailing
)

// Style is a set of inline styles.
type Style uint8

// Inline styles, to be combined.
const (
	Bold Style = 1 << iota
	Italic
	Mono // inline code
	Strike
	Math // a formula; Text is its source with what encloses it, see TeX
)

// Span is a run of text in one style. A line break is a '\n' inside Text.
type Span struct {
	Text  string
	Style Style
	Link  string // address, or empty
}

// Equal reports whether two blocks say the same.
func (b *Block) Equal(o *Block) bool {
	if b.Kind != o.Kind || b.Level != o.Level || b.Language != o.Language || b.Code != o.Code ||
		b.Ordered != o.Ordered || b.Start != o.Start || b.Loose != o.Loose {
		return false
	}
	return slices.Equal(b.Text, o.Text) && slices.Equal(b.Align, o.Align) &&
		slices.EqualFunc(b.Items, o.Items, func(x, y Item) bool {
			return x.Task == y.Task && EqualBlocks(x.Blocks, y.Blocks)
		}) &&
		EqualBlocks(b.Blocks, o.Blocks) &&
		slices.EqualFunc(b.Head, o.Head, equalSpans) &&
		slices.EqualFunc(b.Rows, o.Rows, func(x, y [][]Span) bool { return slices.EqualFunc(x, y, equalSpans) })
}

// EqualBlocks reports whether two runs of blocks say the same.
func EqualBlocks(a, b []Block) bool {
	return slices.EqualFunc(a, b, func(x, y Block) bool { return x.Equal(&y) })
}

func equalSpans(a, b []Span) bool { return slices.Equal(a, b) }

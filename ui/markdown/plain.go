package markdown

import (
	"strconv"
	"strings"
)

// Plain writes blocks as text without Markdown's marks, as somebody would type it into a mail: lists keep their bullets
// and numbers, a table's cells are parted by tabs so that a spreadsheet takes them, and a link that says something else
// than its address is followed by it.
func Plain(blocks []Block) string { return plainBlocks(blocks, "\n\n") }

func plainBlocks(blocks []Block, between string) string {
	parts := make([]string, 0, len(blocks))
	for _, b := range blocks {
		if s := plainBlock(b); s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, between)
}

func plainBlock(b Block) string {
	switch b.Kind {
	case Paragraph, Heading:
		return plainSpans(b.Text)
	case Code, Formula:
		return b.Code
	case List:
		return plainList(b)
	case Quote:
		return indent(plainBlocks(b.Blocks, "\n\n"), "> ", "> ")
	case Table:
		rows := make([]string, 0, len(b.Rows)+1)
		for _, row := range append([][][]Span{b.Head}, b.Rows...) {
			cells := make([]string, len(row))
			for i, c := range row {
				cells[i] = strings.ReplaceAll(plainSpans(c), "\n", " ")
			}
			rows = append(rows, strings.Join(cells, "\t"))
		}
		return strings.Join(rows, "\n")
	case Rule:
		return "———"
	}
	return ""
}

func plainList(b Block) string {
	between := "\n"
	if b.Loose {
		between = "\n\n"
	}
	items := make([]string, len(b.Items))
	for i, it := range b.Items {
		mark := "• "
		if b.Ordered {
			mark = strconv.Itoa(b.Start+i) + ". "
		}
		switch it.Task {
		case OpenTask:
			mark = "☐ "
		case DoneTask:
			mark = "☑ "
		}
		items[i] = indent(plainBlocks(it.Blocks, between), mark, strings.Repeat(" ", len([]rune(mark))))
	}
	return strings.Join(items, between)
}

func plainSpans(spans []Span) string {
	var b strings.Builder
	for i, s := range spans {
		b.WriteString(s.Text)
		last := i+1 == len(spans) || spans[i+1].Link != s.Link
		if s.Link != "" && last && linkText(spans, i) != strings.TrimPrefix(s.Link, "mailto:") {
			b.WriteString(" (" + s.Link + ")")
		}
	}
	return b.String()
}

// linkText returns the text of the link whose last span is spans[end]: a link may hold spans of several styles.
func linkText(spans []Span, end int) string {
	text := ""
	for i := end; i >= 0 && spans[i].Link == spans[end].Link; i-- {
		text = spans[i].Text + text
	}
	return text
}

// indent puts first before the first line and rest before the others; blank lines get no blanks at their end.
func indent(text, first, rest string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		mark := rest
		if i == 0 {
			mark = first
		}
		lines[i] = strings.TrimRight(mark+line, " ")
	}
	return strings.Join(lines, "\n")
}

// AllCode returns the code of all code blocks, also of those in lists and quotes, with a blank line between two.
func AllCode(blocks []Block) string {
	var parts []string
	var walk func([]Block)
	walk = func(blocks []Block) {
		for _, b := range blocks {
			if b.Kind == Code {
				parts = append(parts, b.Code)
			}
			walk(b.Blocks)
			for _, it := range b.Items {
				walk(it.Blocks)
			}
		}
	}
	walk(blocks)
	return strings.Join(parts, "\n\n")
}

// Quoted returns text as a quotation in Markdown.
func Quoted(text string) string { return indent(strings.TrimSpace(text), "> ", "> ") }

package attach

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"path"
	"strconv"
	"strings"
)

// maxXML is the most bytes of XML that are read of a document, unpacked.
const maxXML = 64 << 20

// maxNesting is how deep the elements of a document may lie in one another.
const maxNesting = 2000

// part returns the decoder of one file in an archive.
func part(data []byte, name string) (*xml.Decoder, io.Closer, error) {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, nil, ErrBroken
	}
	for _, f := range z.File {
		if path.Clean(f.Name) != name {
			continue
		}
		if f.Flags&1 != 0 {
			return nil, nil, ErrProtected
		}
		r, err := f.Open()
		if err != nil {
			return nil, nil, ErrBroken
		}
		d := xml.NewDecoder(&limited{r, maxXML})
		d.Strict = true
		d.Entity = map[string]string{} // none but XML's own five: a file's declarations are not read at all
		return d, r, nil
	}
	return nil, nil, ErrBroken
}

// limited fails with ErrTooLarge where a reader gives more than so many bytes: a small archive may unpack to anything.
type limited struct {
	r    io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, ErrTooLarge
	}
	n, err := l.r.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, err
}

// each calls do with every token.
func each(d *xml.Decoder, do func(t xml.Token) error) error {
	depth := 0
	for {
		t, err := d.Token()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, ErrTooLarge):
			return ErrTooLarge
		case err != nil:
			return ErrBroken
		}
		switch t.(type) {
		case xml.StartElement:
			if depth++; depth > maxNesting {
				return ErrBroken
			}
		case xml.EndElement:
			depth--
		}
		if err := do(t); err != nil {
			return err
		}
	}
}

// writer makes Markdown of a document's paragraphs, headings, lists and tables.
type writer struct {
	out  strings.Builder
	para strings.Builder
	mark string // in front of the paragraph: "## ", "- "

	cells   []string // of the row of the outermost table
	rows    int
	tables  int // that are open, one inside another
	cell    strings.Builder
	listing bool // the last paragraph was one of a list
}

// paragraph ends a paragraph.
func (w *writer) paragraph() error {
	text := strings.TrimSpace(w.para.String())
	mark := w.mark
	w.para.Reset()
	w.mark = ""
	if text == "" {
		return nil
	}
	if w.tables > 0 {
		if w.cell.Len() > 0 {
			w.cell.WriteByte(' ')
		}
		w.cell.WriteString(strings.ReplaceAll(text, "\n", " "))
		return w.check()
	}
	item := strings.HasSuffix(mark, "- ")
	if w.listing && !item {
		w.out.WriteByte('\n')
	}
	w.listing = item
	w.out.WriteString(mark)
	w.out.WriteString(text)
	w.out.WriteByte('\n')
	if !item {
		w.out.WriteByte('\n')
	}
	return w.check()
}

func (w *writer) check() error {
	if w.out.Len()+w.cell.Len()+w.para.Len() > MaxText {
		return ErrTooLarge
	}
	return nil
}

func (w *writer) openTable() {
	if w.tables++; w.tables == 1 {
		w.rows, w.cells = 0, nil
		if w.listing {
			w.out.WriteByte('\n')
			w.listing = false
		}
	}
}

func (w *writer) closeTable() {
	if w.tables--; w.tables == 0 {
		w.out.WriteByte('\n')
	}
}

// closeCell ends a cell of the outermost table; those inside of it are text in it.
func (w *writer) closeCell() {
	if w.tables == 1 {
		w.cells = append(w.cells, strings.ReplaceAll(w.cell.String(), "|", "\\|"))
		w.cell.Reset()
	}
}

func (w *writer) closeRow() error {
	if w.tables != 1 || len(w.cells) == 0 {
		return nil
	}
	w.out.WriteString("| " + strings.Join(w.cells, " | ") + " |\n")
	if w.rows++; w.rows == 1 {
		w.out.WriteString("|" + strings.Repeat(" --- |", len(w.cells)) + "\n")
	}
	w.cells = nil
	return w.check()
}

func attribute(t xml.StartElement, name string) string {
	for _, a := range t.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func heading(level int) string { return strings.Repeat("#", min(max(level, 1), 6)) + " " }

// readDOCX reads the body of a Word document (ECMA-376, part 1, 17).
func readDOCX(data []byte) (string, error) {
	d, closer, err := part(data, "word/document.xml")
	if err != nil {
		return "", err
	}
	defer closer.Close()
	var w writer
	inText, deleted, fallback := false, 0, 0
	err = each(d, func(t xml.Token) error {
		switch t := t.(type) {
		case xml.StartElement:
			switch t.Name.Local {
			case "t":
				inText = true
			case "tab":
				w.para.WriteByte('\t')
			case "br", "cr":
				w.para.WriteByte('\n')
			case "noBreakHyphen":
				w.para.WriteByte('-')
			case "del", "moveFrom":
				deleted++
			case "Fallback": // the same again, for older programs
				fallback++
			case "pStyle":
				style := strings.ToLower(attribute(t, "val"))
				if n, ok := strings.CutPrefix(style, "heading"); ok {
					level, _ := strconv.Atoi(n)
					w.mark = heading(level)
				} else if style == "title" {
					w.mark = heading(1)
				} else if strings.HasPrefix(style, "list") {
					w.mark = "- "
				}
			case "ilvl":
				level, _ := strconv.Atoi(attribute(t, "val"))
				w.mark = strings.Repeat("  ", min(max(level, 0), 8)) + "- "
			case "numPr":
				if w.mark == "" {
					w.mark = "- "
				}
			case "outlineLvl":
				if level, err := strconv.Atoi(attribute(t, "val")); err == nil && level < 9 && w.mark == "" {
					w.mark = heading(level + 1)
				}
			case "tbl":
				w.openTable()
			}
			return w.check()
		case xml.EndElement:
			switch t.Name.Local {
			case "t":
				inText = false
			case "del", "moveFrom":
				deleted--
			case "Fallback":
				fallback--
			case "p":
				return w.paragraph()
			case "tc":
				w.closeCell()
			case "tr":
				return w.closeRow()
			case "tbl":
				w.closeTable()
			}
		case xml.CharData:
			if inText && deleted == 0 && fallback == 0 {
				w.para.Write(t)
				return w.check()
			}
		}
		return nil
	})
	return w.out.String(), err
}

// readODT reads the body of an OpenDocument text (ODF 1.3, part 3).
func readODT(data []byte) (string, error) {
	d, closer, err := part(data, "content.xml")
	if err != nil {
		return "", err
	}
	defer closer.Close()
	var w writer
	body, quiet, lists, paragraphs := false, 0, 0, 0
	err = each(d, func(t xml.Token) error {
		switch t := t.(type) {
		case xml.StartElement:
			switch t.Name.Local {
			case "body":
				body = true
			case "annotation", "tracked-changes", "sequence-decls":
				quiet++
			case "p", "h":
				paragraphs++
				if t.Name.Local == "h" {
					level, _ := strconv.Atoi(attribute(t, "outline-level"))
					w.mark = heading(level)
				} else if lists > 0 {
					w.mark = strings.Repeat("  ", min(lists-1, 8)) + "- "
				}
			case "list":
				lists++
			case "s":
				n, _ := strconv.Atoi(attribute(t, "c"))
				w.para.WriteString(strings.Repeat(" ", min(max(n, 1), 1000)))
			case "tab":
				w.para.WriteByte('\t')
			case "line-break":
				w.para.WriteByte('\n')
			case "table":
				w.openTable()
			}
			return w.check()
		case xml.EndElement:
			switch t.Name.Local {
			case "annotation", "tracked-changes", "sequence-decls":
				quiet--
			case "p", "h":
				paragraphs--
				return w.paragraph()
			case "list":
				lists--
			case "table-cell":
				w.closeCell()
			case "table-row":
				return w.closeRow()
			case "table":
				w.closeTable()
			}
		case xml.CharData:
			if body && quiet == 0 && paragraphs > 0 {
				w.para.WriteString(collapse(string(t)))
				return w.check()
			}
		}
		return nil
	})
	return w.out.String(), err
}

// collapse makes one space of white space, as OpenDocument and HTML ask for.
func collapse(s string) string {
	var b strings.Builder
	space := false
	for _, r := range s {
		if r == ' ' || r == '\n' || r == '\t' || r == '\r' {
			space = true
			continue
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
	}
	if space {
		b.WriteByte(' ')
	}
	return b.String()
}

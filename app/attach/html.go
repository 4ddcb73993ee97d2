package attach

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// readHTML gets the text out of a web page: its paragraphs, headings, lists and tables. What scripts would add is not
// there.
func readHTML(data []byte) (string, error) {
	text, err := decodeText(data)
	if err != nil {
		return "", err
	}
	z := html.NewTokenizer(bytes.NewReader([]byte(text)))
	z.SetMaxBuf(maxXML)
	var w writer
	var hidden atom.Atom // the element whose content is not text
	pre, lists := 0, 0
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			if !errors.Is(z.Err(), io.EOF) {
				return "", ErrTooLarge
			}
			for w.tables > 0 { // one that was never closed
				_ = w.closeRow()
				w.closeTable()
			}
			err := w.paragraph()
			return w.out.String(), err
		}
		if kind == html.TextToken {
			if hidden != 0 {
				continue
			}
			s := string(z.Text())
			s = html.UnescapeString(s)
			if pre == 0 {
				s = collapse(s)
			}
			w.para.WriteString(s)
			if err := w.check(); err != nil {
				return "", err
			}
			continue
		}
		if kind == html.CommentToken || kind == html.DoctypeToken {
			continue
		}
		name, _ := z.TagName()
		a := atom.Lookup(name)
		open := kind != html.EndTagToken
		switch a {
		case atom.Script, atom.Style, atom.Noscript, atom.Template, atom.Head, atom.Svg, atom.Iframe:
			if open && hidden == 0 && kind == html.StartTagToken {
				hidden = a
			} else if !open && hidden == a {
				hidden = 0
			}
			continue
		case atom.Br:
			w.para.WriteByte('\n')
			continue
		case atom.P, atom.Div, atom.Section, atom.Article, atom.Header, atom.Footer, atom.Main, atom.Nav, atom.Aside, atom.Blockquote,
			atom.Ul, atom.Ol, atom.Li, atom.Dl, atom.Dt, atom.Dd, atom.Table, atom.Tr, atom.Td, atom.Th, atom.Pre, atom.Figure,
			atom.Figcaption, atom.Form, atom.Hr, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Body, atom.Title:
			mark := w.mark
			if err := w.paragraph(); err != nil {
				return "", err
			}
			if open && a != atom.Li && !strings.HasPrefix(mark, "#") {
				w.mark = mark // <li><p>
			}
		default:
			continue
		}
		switch {
		case len(name) == 2 && name[0] == 'h' && name[1] >= '1' && name[1] <= '6' && open:
			w.mark = heading(int(name[1] - '0'))
		case a == atom.Li && open:
			w.mark = strings.Repeat("  ", min(max(lists-1, 0), 8)) + "- "
		case a == atom.Ul || a == atom.Ol:
			lists = step(lists, open)
		case a == atom.Pre:
			pre = step(pre, open)
		case a == atom.Table && open:
			w.openTable()
		case a == atom.Table && w.tables > 0:
			w.closeTable()
		case (a == atom.Td || a == atom.Th) && !open:
			w.closeCell()
		case a == atom.Tr && !open:
			if err := w.closeRow(); err != nil {
				return "", err
			}
		}
	}
}

func step(n int, up bool) int {
	if up {
		return n + 1
	}
	return max(n-1, 0)
}

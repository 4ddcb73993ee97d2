package attach

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/ledongthuc/pdf"
)

// Limits of reading a PDF.
const (
	maxPages    = 3000
	maxForms    = 20_000 // drawn, one inside another counted each
	maxFormDeep = 8
	pdfTime     = 30 * time.Second // then what has been read has to do
)

// readPDF gets the text out of a PDF, page after page. note says which pages are missing.
func readPDF(data []byte) (text, note string, err error) {
	r, err := openPDF(data)
	if err != nil {
		return "", "", err
	}
	list := pages(r)
	total := len(list)
	if total == 0 {
		return "", "", ErrBroken
	}
	var all strings.Builder
	began := time.Now()
	read, empty, broken, pictures := 0, 0, 0, 0
	for _, page := range list {
		if read == maxPages || time.Since(began) > pdfTime || all.Len() > MaxText-1<<16 {
			break
		}
		p := &pdfPage{began: began, most: MaxText - all.Len()}
		ok := p.read(page)
		read++
		s := strings.TrimSpace(p.text.String())
		switch {
		case s != "":
			if all.Len() > 0 {
				all.WriteString("\n\n")
			}
			all.WriteString(s)
		case !ok:
			broken++
		default:
			empty++
			if p.pictures > 0 {
				pictures++
			}
		}
	}
	switch {
	case all.Len() == 0 && pictures > 0:
		return "", "", ErrScanned
	case all.Len() == 0 && broken > 0:
		return "", "", ErrBroken
	case all.Len() == 0:
		return "", "", ErrNoText
	case read < total:
		note = fmt.Sprintf("Only the first %d of %d pages were read.", read, total)
	case broken > 0:
		note = fmt.Sprintf("%d of %d pages could not be read.", broken, total)
	case pictures > 0:
		note = fmt.Sprintf("%d of %d pages are pictures without text.", pictures, total)
	}
	return all.String(), note, nil
}

// openPDF opens a PDF. The library panics over some files.
func openPDF(data []byte) (r *pdf.Reader, err error) {
	defer func() {
		if recover() != nil {
			r, err = nil, ErrBroken
		}
	}()
	if i := bytes.Index(data[:min(len(data), 1024)], []byte(pdfMagic)); i > 0 {
		data = data[i:] // offsets count from here
	}
	r, err = pdf.NewReader(bytes.NewReader(data), int64(len(data)))
	switch {
	case err == nil:
		return r, nil
	case err == pdf.ErrInvalidPassword || strings.Contains(err.Error(), "encrypt"):
		return nil, ErrProtected
	}
	return nil, ErrBroken
}

// pages lists the pages of a file. The library would not end where a page tree contains itself.
func pages(r *pdf.Reader) (list []pdf.Page) {
	defer func() { _ = recover() }() // those before the damage
	nodes := 0
	var walk func(v pdf.Value, depth int)
	walk = func(v pdf.Value, depth int) {
		if nodes++; nodes > 20*maxPages || depth > 40 {
			return
		}
		kids := v.Key("Kids")
		if kids.Kind() != pdf.Array {
			if v.Kind() == pdf.Dict {
				list = append(list, pdf.Page{V: v})
			}
			return
		}
		for i := range kids.Len() {
			walk(kids.Index(i), depth+1)
		}
	}
	walk(r.Trailer().Key("Root").Key("Pages"), 0)
	return list
}

// pdfPage gathers the text of one page in the order in which it is drawn. Where letters stand tells the spaces and line
// breaks, which most files do not contain.
type pdfPage struct {
	began    time.Time
	most     int // bytes
	text     strings.Builder
	pictures int
	forms    int

	said   string // the last string, and where it began
	from   point
	last   point // where the last letter ended
	along  point // the direction of its line, of length 1
	height float64
	wide   float64 // of the last string, in ems
	moved  bool    // the pen was moved since, other than by a distance in a line
}

type point struct{ x, y float64 }

// read reads a page. It reports whether all of it could be read.
func (p *pdfPage) read(page pdf.Page) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	contents := page.V.Key("Contents")
	if contents.IsNull() {
		return true
	}
	p.run(contents, page.Resources(), unit, 0)
	return true
}

// stopped is what ends a page that takes too long or says too much.
type stopped struct{}

// run runs a content stream (ISO 32000-1, 9.4): ctm is the transformation it starts with.
func (p *pdfPage) run(stream, resources pdf.Value, ctm affine, depth int) {
	s := pdfState{ctm: ctm, scale: 1}
	var saved []pdfState
	var tm, line affine
	fonts := map[string]*pdfFont{}
	steps := 0
	pdf.Interpret(stream, func(stack *pdf.Stack, op string) {
		if steps++; steps%1024 == 0 && time.Since(p.began) > pdfTime {
			panic(stopped{})
		}
		args := make([]pdf.Value, min(stack.Len(), 64))
		for i := len(args) - 1; i >= 0; i-- {
			args[i] = stack.Pop()
		}
		for stack.Len() > 0 {
			stack.Pop()
		}
		number := func(i int) float64 {
			if i < len(args) {
				return args[i].Float64()
			}
			return 0
		}
		matrix := func() affine {
			return affine{number(0), number(1), number(2), number(3), number(4), number(5)}
		}
		move := func(x, y float64) {
			line = affine{1, 0, 0, 1, x, y}.then(line)
			tm = line
			p.moved = true
		}
		show := func(v pdf.Value) {
			tm = p.show(v.RawString(), &s, tm)
		}
		switch op {
		case "q":
			if len(saved) < 1000 {
				saved = append(saved, s)
			}
		case "Q":
			if n := len(saved); n > 0 {
				s, saved = saved[n-1], saved[:n-1]
			}
		case "cm":
			s.ctm = matrix().then(s.ctm)
		case "BT":
			tm, line = unit, unit
			p.moved = true
		case "Tf":
			if len(args) == 2 {
				s.size = number(1)
				s.font = fonts[args[0].Name()]
				if s.font == nil {
					s.font = newPDFFont(resources.Key("Font").Key(args[0].Name()))
					fonts[args[0].Name()] = s.font
				}
			}
		case "Tc":
			s.letter = number(0)
		case "Tw":
			s.word = number(0)
		case "Tz":
			s.scale = number(0) / 100
		case "TL":
			s.leading = number(0)
		case "Ts":
			s.rise = number(0)
		case "Td":
			move(number(0), number(1))
		case "TD":
			s.leading = -number(1)
			move(number(0), number(1))
		case "Tm":
			line = matrix()
			tm = line
			p.moved = true
		case "T*":
			move(0, -s.leading)
		case "Tj":
			if len(args) > 0 {
				show(args[0])
			}
		case "'":
			move(0, -s.leading)
			if len(args) > 0 {
				show(args[0])
			}
		case "\"":
			if len(args) > 2 {
				s.word, s.letter = number(0), number(1)
				move(0, -s.leading)
				show(args[2])
			}
		case "TJ":
			if len(args) > 0 {
				for i := range args[0].Len() {
					if v := args[0].Index(i); v.Kind() == pdf.String {
						show(v)
					} else {
						tm = affine{1, 0, 0, 1, -v.Float64() / 1000 * s.size * s.scale, 0}.then(tm)
					}
				}
			}
		case "Do":
			if len(args) > 0 {
				p.draw(resources, args[0].Name(), s.ctm, depth)
			}
		case "EI":
			p.pictures++
		}
	})
}

// draw draws a picture, of which there is nothing to read, or a form.
func (p *pdfPage) draw(resources pdf.Value, name string, ctm affine, depth int) {
	x := resources.Key("XObject").Key(name)
	switch x.Key("Subtype").Name() {
	case "Image":
		p.pictures++
	case "Form":
		if p.forms++; depth >= maxFormDeep || p.forms > maxForms {
			return
		}
		if m := x.Key("Matrix"); m.Len() == 6 {
			var v [6]float64
			for i := range v {
				v[i] = m.Index(i).Float64()
			}
			ctm = affine(v).then(ctm)
		}
		inner := x.Key("Resources")
		if inner.IsNull() {
			inner = resources
		}
		p.run(x, inner, ctm, depth+1)
	}
}

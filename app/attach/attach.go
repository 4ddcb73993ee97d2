// Package attach gets the text out of files that go with a message: plain text in the usual encodings, PDF, DOCX, ODT
// and HTML.
//
// Files come from anywhere. Formats that need a parser are read in a child process of the same program, with limits on
// memory and time, so that a hostile file costs an error at the worst: see child.go.
package attach

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Kind is what a file is.
type Kind string

const (
	Text     Kind = "text"
	Code     Kind = "code"
	Markdown Kind = "markdown"
	CSV      Kind = "csv"
	JSON     Kind = "json"
	HTML     Kind = "html"
	PDF      Kind = "pdf"
	DOCX     Kind = "docx"
	ODT      Kind = "odt"
)

// Document is what was got out of a file.
type Document struct {
	Name  string // of the file, without its folder
	Kind  Kind
	Bytes int64  // of the file
	Text  string // UTF-8, lines ended by \n
	Note  string // a sentence about what is missing in Text; or empty
}

// Limits of Read.
const (
	MaxFile = 64 << 20 // bytes of a file
	MaxText = 8 << 20  // bytes of text out of it
)

// Errors of Read, for errors.Is. Their texts are for the user.
var (
	ErrNoText    = errors.New("there is no text in it")
	ErrScanned   = fmt.Errorf("%w: its pages are pictures, as scanners make them. A program for text recognition (OCR) can add the text", ErrNoText)
	ErrBinary    = errors.New("it is no text, or in an encoding that Burble does not know")
	ErrTooLarge  = errors.New("it is too large")
	ErrProtected = errors.New("it is protected by a password: save it without one")
	ErrBroken    = errors.New("it is damaged, or not what its name says")
	ErrTooLong   = errors.New("reading it takes too long or too much memory")
	ErrFormat    = errors.New("files of this kind can't be read: save it as PDF, DOCX or text")
)

// formats that need a parser, by the file's first bytes and its extension.
const (
	zipMagic = "PK\x03\x04"
	pdfMagic = "%PDF-"
)

// Read gets the text out of the file at path. It ends early with an error when ctx does.
func Read(ctx context.Context, path string) (Document, error) {
	d := Document{Name: filepath.Base(path)}
	fail := func(err error) (Document, error) { return d, fmt.Errorf("%s can't be attached: %w", d.Name, err) }
	info, err := os.Stat(path) // before opening: to open a pipe would wait
	if err != nil {
		return fail(plain(err))
	}
	if info.IsDir() {
		return fail(errors.New("it is a folder"))
	}
	if !info.Mode().IsRegular() {
		return fail(errors.New("it is no ordinary file"))
	}
	d.Bytes = info.Size()
	if d.Bytes > MaxFile {
		return fail(fmt.Errorf("%w: %d MB, and %d are the most", ErrTooLarge, d.Bytes>>20, MaxFile>>20))
	}
	data, err := readAll(path)
	if err != nil {
		return fail(plain(err))
	}
	d.Bytes = int64(len(data))
	d.Kind = kindOf(d.Name, data)
	switch d.Kind {
	case PDF, DOCX, ODT, HTML:
		d.Text, d.Note, err = readInChild(ctx, d.Kind, data)
	case "":
		err = ErrFormat
	default:
		d.Text, err = decodeText(data)
	}
	if err != nil {
		return fail(err)
	}
	d.Text = tidy(d.Text)
	if len(d.Text) > MaxText {
		return fail(fmt.Errorf("%w: it has %d MB of text, and %d are the most", ErrTooLarge, len(d.Text)>>20, MaxText>>20))
	}
	if strings.TrimSpace(d.Text) == "" {
		return fail(ErrNoText)
	}
	return d, nil
}

// readAll reads a file, but no more of it than the limit and a byte: it may have grown.
func readAll(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err == nil && len(data) > MaxFile {
		err = ErrTooLarge
	}
	return data, err
}

// plain says what is wrong with a file without saying the path again.
func plain(err error) error {
	var e *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("there is no such file")
	case errors.Is(err, fs.ErrPermission):
		return errors.New("you are not allowed to read it")
	case errors.As(err, &e):
		return e.Err
	}
	return err
}

// kindOf tells what a file is: by its first bytes where they say it, else by its name. "" is for what can't be read.
func kindOf(name string, data []byte) Kind {
	ext := strings.ToLower(filepath.Ext(name))
	head := string(data[:min(len(data), 1024)])
	switch {
	case strings.Contains(head, pdfMagic) && (ext == ".pdf" || strings.HasPrefix(head, pdfMagic)):
		return PDF
	case strings.HasPrefix(head, zipMagic):
		switch ext {
		case ".docx", ".docm", ".dotx":
			return DOCX
		case ".odt", ".ott":
			return ODT
		}
		return ""
	case ext == ".pdf":
		return PDF // which will say that it is broken
	case ext == ".docx" || ext == ".odt":
		return map[string]Kind{".docx": DOCX, ".odt": ODT}[ext]
	case strings.HasPrefix(head, "\xd0\xcf\x11\xe0"), strings.HasPrefix(head, "{\\rtf"): // Word before 2007, RTF
		return ""
	}
	switch ext {
	case ".md", ".markdown":
		return Markdown
	case ".csv", ".tsv":
		return CSV
	case ".json", ".jsonl", ".ndjson":
		return JSON
	case ".html", ".htm", ".xhtml":
		return HTML
	case ".txt", ".text", ".log", "":
		return Text
	}
	return Code // or another text: the name says which
}

// tidy brings line ends into one form and takes out what no model or window has a use for.
func tidy(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\f", "\n\n", "\v", "\n", "\uFEFF", "", "\x00", "").Replace(s)
	return strings.TrimRight(s, " \t\n")
}

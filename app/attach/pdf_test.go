package attach

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// makePDF writes a PDF of one page for each content stream, with Helvetica as F1, and F2 of which the widths are known.
func makePDF(t testing.TB, pages ...string) string {
	t.Helper()
	var objects []string
	add := func(s string) int { objects = append(objects, s); return len(objects) }
	stream := func(dict, s string) string {
		var b bytes.Buffer
		z := zlib.NewWriter(&b)
		if _, err := z.Write([]byte(s)); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("<< %s /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream", dict, b.Len(), b.String())
	}
	add("<< /Type /Catalog /Pages 2 0 R >>")
	add("") // the pages
	add("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>")
	add("<< /Type /Font /Subtype /TrueType /BaseFont /Mono /Encoding /WinAnsiEncoding /FirstChar 32 /LastChar 126 /Widths [" + strings.Repeat("500 ", 95) + "] >>")
	add(stream("/Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8", "x"))
	add(stream("/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /Font << /F1 3 0 R >> /XObject << /X 6 0 R >> >>", "BT /F1 10 Tf 72 100 Td (In a form) Tj ET /X Do"))
	var kids []string
	for _, p := range pages {
		content := add(stream("", p))
		page := add(fmt.Sprintf("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R /Resources << /Font << /F1 3 0 R /F2 4 0 R >> /XObject << /I 5 0 R /X 6 0 R >> >> >>", content))
		kids = append(kids, fmt.Sprintf("%d 0 R", page))
	}
	objects[1] = fmt.Sprintf("<< /Type /Pages /Count %d /Kids [%s] >>", len(pages), strings.Join(kids, " "))
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n")
	var offsets []int
	for i, o := range objects {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	xref := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, o := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, xref)
	return b.String()
}

func TestPDF(t *testing.T) {
	d, err := read(t, "a.pdf", makePDF(t,
		"BT /F2 12 Tf 72 720 Td [(Kerned)-250(words)20(, no sp)-10(ace)] TJ 0 -14 Td (second line) Tj T* 0 -40 Td (Paragraph.) Tj ET",
		"BT /F1 10 Tf 1 0 0 1 72 700 Tm (Caf\xe9 \\(open\\) \x97) Tj 60 0 Td (apart) Tj ET q 1 0 0 1 0 500 cm /X Do Q",
		"/I Do"))
	want := "Kerned words, no space\nsecond line\n\nParagraph.\n\nCafé (open) — apart\n\nIn a form"
	if err != nil || d.Text != want || d.Kind != PDF || d.Note != "1 of 3 pages are pictures without text." {
		t.Errorf("%q, note %q, %v\nwant %q", d.Text, d.Note, err, want)
	}
	if _, err := read(t, "scan.pdf", makePDF(t, "q 612 0 0 792 0 0 cm /I Do Q", "/I Do")); !errors.Is(err, ErrScanned) || !errors.Is(err, ErrNoText) {
		t.Errorf("a scanned one: %v", err)
	}
	if _, err := read(t, "blank.pdf", makePDF(t, "")); !errors.Is(err, ErrNoText) || errors.Is(err, ErrScanned) {
		t.Errorf("a blank one: %v", err)
	}
	// One that another program wrote, with what programs put in front.
	b, err := os.ReadFile(filepath.Join("testdata", "ghostscript.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	d, err = read(t, "real.pdf", "\n\n"+string(b))
	if want := "A letter\n\nThis is ordinary text with gaps for spaces.\nAVAST Type"; err != nil || !strings.HasPrefix(d.Text, want) {
		t.Errorf("%q, %v\nwant %q", d.Text, err, want)
	}
}

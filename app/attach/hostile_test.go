package attach

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// No file crashes this process, takes long, or gets more out of the machine than what is in it.
func TestHostile(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("the secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	var laughs strings.Builder
	laughs.WriteString(`<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a0 "ha">`)
	for i := 1; i < 40; i++ {
		fmt.Fprintf(&laughs, `<!ENTITY a%d "&a%d;&a%d;">`, i, i-1, i-1)
	}
	laughs.WriteString(`]><w:document xmlns:w="w"><w:body><w:p><w:r><w:t>&a39;</w:t></w:r></w:p></w:body></w:document>`)
	external := `<?xml version="1.0"?><!DOCTYPE d [<!ENTITY x SYSTEM "file://` + secret + `">]><w:document xmlns:w="w"><w:body><w:p><w:r><w:t>&x;</w:t></w:r></w:p></w:body></w:document>`
	text := `<w:p><w:r><w:t>` + strings.Repeat("a", 1<<20) + `</w:t></w:r></w:p>`

	for _, c := range []struct {
		name, content string
		want          error
	}{
		{"laughs.docx", archive(t, "word/document.xml", laughs.String()), ErrBroken},
		{"external.docx", archive(t, "word/document.xml", external), ErrBroken},
		{"bomb.docx", archive(t, "word/document.xml", wordHead+strings.Repeat(text, 80)), ErrTooLarge},
		{"silent-bomb.docx", archive(t, "word/document.xml", wordHead+strings.Repeat("<!--"+strings.Repeat(" ", 1<<20)+"-->", 80)), ErrTooLarge},
		{"bomb.odt", archive(t, "content.xml", `<a:b xmlns:a="a"><a:body><a:p>`+strings.Repeat("<a:s a:c='1000'/>", 1<<20)), ErrTooLarge},
		{"deep.docx", archive(t, "word/document.xml", strings.Repeat("<a>", 1<<20)), ErrBroken},
		{"tables.docx", archive(t, "word/document.xml", wordHead+strings.Repeat("<w:tbl>", 500)), ErrBroken},
		{"no-body.docx", archive(t, "../../etc/passwd", "x"), ErrBroken},
		{"not.docx", "PK\x03\x04 nothing of the kind", ErrBroken},
		{"html.docx", "<html>", ErrBroken},
		{"deep.html", strings.Repeat("<div><table><tr><td>", 1<<19), ErrNoText},
		{"binary.html", "<p>\x00\x01\x02\x03\x04\x05", ErrBinary},
		{"tail.pdf", "%PDF-1.4\n", ErrBroken},
		{"not.pdf", "Hello", ErrBroken},
		{"pages.pdf", strings.Replace(makePDF(t, "BT ET"), "/Count 1", "/Count 9", 1), ErrNoText},
		{"cycle.pdf", strings.Replace(makePDF(t, "BT ET"), "/Kids [8 0 R]", "/Kids [2 0 R]", 1), ErrBroken},
		{"operators.pdf", makePDF(t, strings.Repeat("Q q ) ] >> ( << /F1 Tf Tj TJ ' \" cm ", 1<<16)), nil},
	} {
		began := time.Now()
		d, err := read(t, c.name, c.content)
		if strings.Contains(d.Text, "secret") {
			t.Errorf("%s read a file", c.name)
		}
		if c.want != nil && !errors.Is(err, c.want) || err == nil && len(d.Text) > MaxText {
			t.Errorf("%s: %d bytes, %v; want %v", c.name, len(d.Text), err, c.want)
		}
		if took := time.Since(began); took > 45*time.Second {
			t.Errorf("%s took %v", c.name, took)
		}
	}
}

// A page of a few kilobytes that unpacks to gigabytes.
func TestPDFBomb(t *testing.T) {
	var b bytes.Buffer
	z, err := zlib.NewWriterLevel(&b, zlib.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	block := []byte("(" + strings.Repeat("bomb ", 1<<18) + ")\n")
	for range 800 {
		if _, err := z.Write(block); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	file := makePDF(t, "BT /F1 9 Tf (before) Tj ET")
	i := strings.Index(file, "7 0 obj")
	j := strings.Index(file[i:], "endobj") + i
	file = file[:i] + fmt.Sprintf("7 0 obj\n<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream\n", b.Len(), b.String()) + file[j:]
	began := time.Now()
	d, err := read(t, "bomb.pdf", file)
	if err == nil {
		t.Errorf("it gave %d bytes", len(d.Text))
	}
	if took := time.Since(began); took > 75*time.Second {
		t.Errorf("it took %v", took)
	}
}

// Files that lack their end or have wrong bytes give text or an error.
func TestDamaged(t *testing.T) {
	whole := map[string]string{
		"a.pdf":  makePDF(t, "BT /F2 12 Tf 72 720 Td [(Some)-250(words)] TJ ET", "BT /F1 12 Tf (more) Tj ET /X Do"),
		"a.docx": archive(t, "word/document.xml", wordHead+strings.Repeat("<w:p><w:r><w:t>text</w:t></w:r></w:p>", 50)+"</w:body></w:document>"),
		"a.odt":  archive(t, "content.xml", "<a:b xmlns:a='a'><a:body><a:p>text</a:p></a:body></a:b>"),
		"a.html": "<table><tr><td>text</td></tr></table><ul><li>one</ul>",
	}
	r := rand.New(rand.NewPCG(1, 2))
	for name, content := range whole {
		if _, err := read(t, name, content); err != nil {
			t.Fatalf("%s as it is: %v", name, err)
		}
		kind := kindOf(name, []byte(content))
		for i := range 400 {
			b := []byte(content)
			if i%4 == 0 {
				b = b[:r.IntN(len(b))]
			}
			for range r.IntN(8) {
				if len(b) > 0 {
					b[r.IntN(len(b))] = byte(r.Uint32())
				}
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				_, _, _ = readDocument(kind, b)
			}()
			select {
			case <-done:
			case <-time.After(40 * time.Second):
				path := filepath.Join(os.TempDir(), "burble-hang-"+name)
				_ = os.WriteFile(path, b, 0o600)
				t.Fatalf("a damaged %s hangs: see %s", name, path)
			}
		}
	}
}

// What the child can't do ends the child alone.
func TestChildLimits(t *testing.T) {
	if _, _, err := readInChild(t.Context(), Kind("nonsense"), nil); !errors.Is(err, ErrFormat) {
		t.Errorf("a kind that there is not: %v", err)
	}
}

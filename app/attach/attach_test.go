package attach

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	MaybeChild()
	goleak.VerifyTestMain(m)
}

// read reads a file of a name and content, with a deadline that a hostile file must not reach.
func read(t *testing.T, name, content string) (Document, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	return Read(ctx, path)
}

func TestPlainText(t *testing.T) {
	utf16 := func(s string, little bool) string {
		var b strings.Builder
		for _, r := range s {
			if little {
				b.WriteString(string([]byte{byte(r), byte(r >> 8)}))
			} else {
				b.WriteString(string([]byte{byte(r >> 8), byte(r)}))
			}
		}
		return b.String()
	}
	const text = "Grüße, Gopher.\nSecond line of it."
	for _, c := range []struct {
		name, content, want string
		kind                Kind
	}{
		{"a.txt", text, text, Text},
		{"a.md", "\xef\xbb\xbf# Title\r\n\r\ntext\r\n", "# Title\n\ntext", Markdown},
		{"a.go", "package a\n\n\tfunc F() {}\n", "package a\n\n\tfunc F() {}", Code},
		{"a.csv", "a,b\n1,2\n", "a,b\n1,2", CSV},
		{"a.json", `{"a": 1}`, `{"a": 1}`, JSON},
		{"Makefile", "all:\n\tgo build\n", "all:\n\tgo build", Text},
		{"le.txt", "\xff\xfe" + utf16(text, true), text, Text},
		{"be.txt", "\xfe\xff" + utf16(text, false), text, Text},
		{"le-plain.txt", utf16(text, true), text, Text},
		{"be-plain.txt", utf16(text, false), text, Text},
		{"latin.txt", "Gr\xfc\xdfe, \x84Gopher\x93.", "Grüße, „Gopher“.", Text},
		{"cjk.txt", "囲碁をする", "囲碁をする", Text},
		{"colour.log", "\x1b[31mred\x1b[0m and more text", "\x1b[31mred\x1b[0m and more text", Text},
	} {
		d, err := read(t, c.name, c.content)
		if err != nil || d.Text != c.want || d.Kind != c.kind || d.Name != c.name || d.Bytes != int64(len(c.content)) {
			t.Errorf("%s: %+v, %v", c.name, d, err)
		}
	}
	random := make([]byte, 5000)
	for i := range random {
		random[i] = byte(rand.Uint32())
	}
	for _, c := range []struct {
		name, content string
		want          error
	}{
		{"random", string(random), ErrBinary},
		{"random.txt", string(random[1:]), ErrBinary},
		{"elf.md", "\x7fELF\x02\x01\x01\x00\x00\x00" + string(random), ErrBinary},
		{"png.json", "\x89PNG\r\n\x1a\n" + string(random), ErrBinary},
		{"empty.txt", "", ErrNoText},
		{"blank.txt", " \n\t\n", ErrNoText},
		{"old.doc", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + string(random), ErrFormat},
		{"archive.zip", zipMagic + string(random), ErrFormat},
		{"long.txt", strings.Repeat("word ", MaxText/5+10), ErrTooLarge},
	} {
		if d, err := read(t, c.name, c.content); !errors.Is(err, c.want) || !strings.Contains(fmt.Sprint(err), c.name) {
			t.Errorf("%s: %.40q, %v; want %v", c.name, d.Text, err, c.want)
		}
	}
}

func TestNotAFile(t *testing.T) {
	dir := t.TempDir()
	if _, err := Read(context.Background(), dir); err == nil {
		t.Error("a folder was read")
	}
	if _, err := Read(context.Background(), filepath.Join(dir, "none")); err == nil || strings.Contains(err.Error(), dir) {
		t.Errorf("a file that isn't there: %v", err)
	}
	if runtime.GOOS == "linux" {
		if _, err := Read(context.Background(), "/dev/zero"); err == nil {
			t.Error("a device was read")
		}
	}
	big := filepath.Join(dir, "big.txt")
	f, err := os.Create(big)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(MaxFile + 1); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(context.Background(), big); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a file of 64 MiB and a byte: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	path := filepath.Join(dir, "a.html")
	if err := os.WriteFile(path, []byte("<p>Hello</p>"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(ctx, path); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v", err)
	}
}

// archive makes a ZIP of one file.
func archive(t *testing.T, name, content string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const wordHead = `<?xml version="1.0"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>`

func TestDOCX(t *testing.T) {
	p := func(properties, text string) string {
		return `<w:p><w:pPr>` + properties + `</w:pPr><w:r><w:t xml:space="preserve">` + text + `</w:t></w:r></w:p>`
	}
	cell := func(text string) string { return `<w:tc>` + p("", text) + `</w:tc>` }
	d, err := read(t, "report.docx", archive(t, "word/document.xml", wordHead+
		p(`<w:pStyle w:val="Title"/>`, "Report")+p(`<w:pStyle w:val="Heading2"/>`, "Results &amp; more")+
		`<w:p><w:r><w:t xml:space="preserve">Two </w:t></w:r><w:r><w:rPr><w:b/></w:rPr><w:t>runs</w:t><w:tab/><w:t>and a tab</w:t><w:br/><w:t>a line</w:t></w:r><w:del><w:r><w:t>gone</w:t></w:r></w:del></w:p>`+
		p(`<w:numPr><w:ilvl w:val="0"/></w:numPr>`, "one")+p(`<w:numPr><w:ilvl w:val="1"/></w:numPr>`, "two")+
		`<w:tbl><w:tr>`+cell("a")+cell("b|c")+`</w:tr><w:tr>`+cell("1")+cell("2")+`</w:tr></w:tbl>`+p("", "End.")+`</w:body></w:document>`))
	want := "# Report\n\n## Results & more\n\nTwo runs\tand a tab\na line\n\n- one\n  - two\n\n| a | b\\|c |\n| --- | --- |\n| 1 | 2 |\n\nEnd."
	if err != nil || d.Text != want || d.Kind != DOCX {
		t.Errorf("%q, %v\nwant %q", d.Text, err, want)
	}
}

func TestODT(t *testing.T) {
	d, err := read(t, "letter.odt", archive(t, "content.xml", `<?xml version="1.0"?><office:document-content xmlns:office="o" xmlns:text="t" xmlns:table="b">
		<office:automatic-styles>no text</office:automatic-styles><office:body><office:text>
		<text:h text:outline-level="1">A  letter</text:h><text:p>Some<text:s text:c="2"/><text:span>styled</text:span> text.<text:line-break/>Line.</text:p>
		<text:list><text:list-item><text:p>one</text:p></text:list-item><text:list-item><text:p>two</text:p></text:list-item></text:list>
		<table:table><table:table-row><table:table-cell><text:p>x</text:p></table:table-cell></table:table-row></table:table>
		</office:text></office:body></office:document-content>`))
	want := "# A letter\n\nSome  styled text.\nLine.\n\n- one\n- two\n\n| x |\n| --- |"
	if err != nil || d.Text != want || d.Kind != ODT {
		t.Errorf("%q, %v\nwant %q", d.Text, err, want)
	}
}

func TestHTML(t *testing.T) {
	d, err := read(t, "page.html", `<!doctype html><html><head><title>T</title><style>p{color:red}</style></head><body><h1>Title</h1><script>alert("no")</script>
		<p>Some <b>bold</b> text &amp; a
		line.<ul><li>one<li><p>two</p></ul><pre>a
  b</pre><table><tr><th>h</th></tr><tr><td>1</td></tr></table>`)
	want := "# Title\n\nSome bold text & a line.\n\n- one\n- two\n\na\n  b\n\n| h |\n| --- |\n| 1 |"
	if err != nil || d.Text != want || d.Kind != HTML {
		t.Errorf("%q, %v\nwant %q", d.Text, err, want)
	}
}

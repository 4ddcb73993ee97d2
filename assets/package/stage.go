package main

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/xml"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"burble/assets"
)

//go:embed templates
var templates embed.FS

// fill executes a template.
func fill(name string, r release) ([]byte, error) {
	t, err := template.New(name).Funcs(template.FuncMap{
		"xml": func(s string) (string, error) {
			var b bytes.Buffer
			err := xml.EscapeText(&b, []byte(s))
			return b.String(), err
		},
		"roff": roff,
		"quote": func(s string) string {
			return strings.NewReplacer(`'`, `’`, "[", "(", "]", ")", ":", " –").Replace(s)
		},
	}).ParseFS(templates, "templates/"+name)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, r)
	return b.Bytes(), err
}

// roff escapes text for a manual page.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}

// stage writes the tree of an installation with the prefix /usr.
func stage(root, binary, out string, r release) error {
	usr := func(path ...string) string { return filepath.Join(append([]string{out, "usr"}, path...)...) }
	program, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	if err := write(usr("bin", "burble"), program, 0o755, r); err != nil {
		return err
	}
	svg, err := os.ReadFile(filepath.Join(root, "assets", "icon.svg"))
	if err != nil {
		return err
	}
	if err := write(usr("share/icons/hicolor/scalable/apps", r.ID+".svg"), svg, 0o644, r); err != nil {
		return err
	}
	for _, size := range []int{16, 24, 32, 48, 64, 128, 256, 512} {
		png, err := drawPNG(svg, size)
		if err != nil {
			return fmt.Errorf("icon of %d pixels: %w", size, err)
		}
		if err := write(usr(fmt.Sprintf("share/icons/hicolor/%dx%d/apps", size, size), r.ID+".png"), png, 0o644, r); err != nil {
			return err
		}
	}
	for _, f := range []struct{ template, path string }{
		{"desktop", "share/applications/" + r.ID + ".desktop"},
		{"metainfo.xml", "share/metainfo/" + r.ID + ".metainfo.xml"},
		{"mime.xml", "share/mime/packages/" + r.ID + ".xml"},
		{"burble.bash", "share/bash-completion/completions/burble"},
		{"burble.zsh", "share/zsh/site-functions/_burble"},
		{"burble.fish", "share/fish/vendor_completions.d/burble.fish"},
	} {
		data, err := fill(f.template, r)
		if err != nil {
			return err
		}
		if err := write(usr(filepath.FromSlash(f.path)), data, 0o644, r); err != nil {
			return err
		}
	}
	man, err := fill("burble.1", r)
	if err != nil {
		return err
	}
	if man, err = compress(man); err != nil {
		return err
	}
	if err := write(usr("share/man/man1/burble.1.gz"), man, 0o644, r); err != nil {
		return err
	}
	third, err := assets.Licences()
	if err != nil {
		return err
	}
	if err := write(usr("share/doc/burble/third-party-licences.txt"), []byte(third), 0o644, r); err != nil {
		return err
	}
	for from, to := range map[string]string{"LICENSE": "copyright", "CHANGELOG.md": "CHANGELOG.md"} {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(from)))
		if err != nil {
			return err
		}
		if err := write(usr("share/doc/burble", to), text, 0o644, r); err != nil {
			return err
		}
	}
	// Folders carry times too.
	return filepath.WalkDir(out, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = os.Chtimes(path, r.Built, r.Built)
		}
		return err
	})
}

// compress is gzip without a name or a time, so that equal input gives equal output.
func compress(data []byte) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(data); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

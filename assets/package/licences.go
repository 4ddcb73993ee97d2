package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// module is what go list says about one.
type module struct {
	Path, Version, Dir string
	Main               bool
}

// licences collects the licences of every module that is compiled into the program, for any of the systems it is built for,
// and of Go itself, in a gzip file.
func licences(root, out string) error {
	modules := map[string]module{}
	for _, system := range []string{"linux", "windows", "darwin"} {
		cmd := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{\"Path\":{{printf \"%q\" .Path}},\"Version\":{{printf \"%q\" .Version}},\"Dir\":{{printf \"%q\" .Dir}}}{{end}}{{end}}", ".")
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "GOOS="+system, "GOARCH=amd64", "CGO_ENABLED=1")
		cmd.Stderr = os.Stderr
		list, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("listing the modules for %s: %w", system, err)
		}
		for d := json.NewDecoder(bytes.NewReader(list)); ; {
			var m module
			if err := d.Decode(&m); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return err
			}
			modules[m.Path] = m
		}
	}
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return err
	}
	modules["Go"] = module{Path: "Go", Dir: strings.TrimSpace(string(goroot))}
	var paths []string
	for p := range modules {
		paths = append(paths, p)
	}
	slices.Sort(paths)

	var b bytes.Buffer
	b.WriteString("Burble is built with the following software. Each part is listed with its licence.\n")
	for _, p := range paths {
		m := modules[p]
		texts, err := licenceFiles(m.Dir)
		if err != nil {
			return err
		}
		if len(texts) == 0 {
			return fmt.Errorf("%s has no licence file in %s", p, m.Dir)
		}
		fmt.Fprintf(&b, "\n%s\n%s\n\n", strings.Repeat("=", 78), strings.TrimSpace(m.Path+" "+m.Version))
		for _, t := range texts {
			b.Write(t)
			b.WriteByte('\n')
		}
	}
	packed, err := compress(b.Bytes())
	if err != nil {
		return err
	}
	return os.WriteFile(out, packed, 0o644)
}

// licenceFiles reads a folder's licence and notice files.
func licenceFiles(dir string) (texts [][]byte, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name := strings.ToUpper(e.Name())
		if e.IsDir() || strings.HasSuffix(name, ".GO") || strings.HasSuffix(name, ".PY") {
			continue
		}
		if strings.Contains(name, "LICEN") || strings.HasPrefix(name, "COPYING") || strings.HasPrefix(name, "NOTICE") {
			text, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil {
				return nil, err
			}
			texts = append(texts, bytes.TrimSpace(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))))
		}
	}
	return texts, nil
}

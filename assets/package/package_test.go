package main

import (
	"bytes"
	"compress/gzip"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"burble/app/terminal"
	"burble/assets"
)

const root = "../.."

func readRelease(t *testing.T) release {
	t.Helper()
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	r, err := read(root)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestTemplates fills in every template and reads the XML ones back.
func TestTemplates(t *testing.T) {
	r := readRelease(t)
	var help bytes.Buffer
	terminal.Run(t.Context(), []string{"help"}, nil, nil, &help, &help)
	r.Commands = parseCommands(help.Bytes())
	entries, err := templates.ReadDir("templates")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := fill(e.Name(), r)
		if err != nil {
			t.Errorf("%s: %v", e.Name(), err)
			continue
		}
		if bytes.Contains(data, []byte("<no value>")) {
			t.Errorf("%s: a value is missing", e.Name())
		}
		if bytes.HasPrefix(data, []byte("<?xml")) {
			for d := xml.NewDecoder(bytes.NewReader(data)); ; {
				if _, err := d.Token(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Errorf("%s: %v", e.Name(), err)
					break
				}
			}
		}
	}
	desktop, err := fill("desktop", r)
	if err != nil || !strings.Contains(string(desktop), "\nIcon="+r.ID+"\n") || !strings.Contains(string(desktop), "Categories=Utility;Chat;\n") {
		t.Errorf("desktop entry %q, %v", desktop, err)
	}
}

// TestCommands reads the program's own help.
func TestCommands(t *testing.T) {
	var help, chat bytes.Buffer
	terminal.Run(t.Context(), []string{"help"}, nil, nil, &help, &help)
	terminal.Run(t.Context(), []string{"help", "chat"}, nil, nil, &chat, &chat)
	commands := parseCommands(help.Bytes())
	names := map[string]string{}
	for _, c := range commands {
		names[c.Name] = c.Does
	}
	if names[""] == "" || names["chat"] == "" || names["bench"] == "" || len(commands) < 7 {
		t.Errorf("commands %v", names)
	}
	for _, o := range parseOptions(chat.Bytes()) {
		if o.Name == "m" && o.Value == "FILE" && strings.HasPrefix(o.Does, "model FILE") {
			return
		}
	}
	t.Errorf("chat has no option -m FILE: %+v", parseOptions(chat.Bytes()))
}

// TestIcons draws the icon and reads the files back.
func TestIcons(t *testing.T) {
	svg, err := os.ReadFile(filepath.Join(root, "assets", "icon.svg"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := drawPNG(svg, 64)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(p))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, _, a := img.At(0, 0).RGBA(); a != 0 {
		t.Error("the corner is not transparent")
	}
	if r, g, b, a := img.At(32, 8).RGBA(); a != 0xffff || g <= r || g <= b-0x1000 {
		t.Errorf("the ground is %x %x %x %x, not teal", r, g, b, a)
	}
	icon, err := ico(svg, 16, 256)
	if err != nil {
		t.Fatal(err)
	}
	at := int(icon[6+16+12]) | int(icon[6+16+13])<<8 // of the second picture
	if c, err := png.DecodeConfig(bytes.NewReader(icon[at:])); err != nil || c.Width != 256 {
		t.Errorf("the icon's second picture: %+v, %v", c, err)
	}
	if mac, err := icns(svg); err != nil || string(mac[:4]) != "icns" || int(mac[6])<<8|int(mac[7])|int(mac[5])<<16 != len(mac) {
		t.Errorf("icns: %v", err)
	}
}

// TestStage stages twice and wants the same files, with the release's time.
func TestStage(t *testing.T) {
	r := readRelease(t)
	program := filepath.Join(t.TempDir(), "burble")
	if err := os.WriteFile(program, []byte("program"), 0o755); err != nil {
		t.Fatal(err)
	}
	var sums [2]string
	for i := range sums {
		out := t.TempDir()
		if err := stage(root, program, out, r); err != nil {
			t.Fatal(err)
		}
		list, err := exec.Command("sh", "-c", "cd "+out+" && find . -type f | LC_ALL=C sort | xargs sha256sum").Output()
		if err != nil {
			t.Skipf("no shell tools: %v", err)
		}
		sums[i] = string(list)
		if newer, err := exec.Command("find", out, "-newermt", "2023-11-15").Output(); err != nil || len(newer) > 0 {
			t.Errorf("these have not the time of the release: %s, %v", newer, err)
		}
	}
	if sums[0] != sums[1] || !strings.Contains(sums[0], "bin/burble") || strings.Count(sums[0], "\n") < 18 {
		t.Errorf("staged trees differ, or lack files:\n%s\n%s", sums[0], sums[1])
	}
	if !r.Built.Equal(time.Unix(1700000000, 0)) {
		t.Errorf("built %v", r.Built)
	}
}

// TestLicences wants assets/licences.txt.gz to list the modules that are built in, in their versions.
func TestLicences(t *testing.T) {
	if testing.Short() {
		t.Skip("asks the go command about three systems")
	}
	out := filepath.Join(t.TempDir(), "licences.txt.gz")
	if err := licences(root, out); err != nil {
		t.Skipf("the modules of other systems are not at hand: %v", err)
	}
	f, err := os.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	want, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	got, err := assets.Licences()
	if err != nil {
		t.Fatal(err)
	}
	if headings(got) != headings(string(want)) {
		t.Errorf("assets/licences.txt.gz is out of date (make licences): it lists\n%s\nand the program has\n%s", headings(got), headings(string(want)))
	}
}

// headings are the lines after the rules: modules and versions.
func headings(text string) string {
	var b strings.Builder
	lines := strings.Split(text, "\n")
	for i := range lines[:len(lines)-1] {
		if strings.HasPrefix(lines[i], "==========") {
			b.WriteString(lines[i+1] + "\n")
		}
	}
	return b.String()
}

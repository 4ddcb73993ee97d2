package main

import (
	"debug/buildinfo"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCheckBill holds bills to this test, a program as well.
func TestCheckBill(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	info, err := buildinfo.ReadFile(program)
	if err != nil || len(info.Deps) == 0 {
		t.Skipf("this program does not say what it is made of: %v", err)
	}
	type part = map[string]any
	licence := []part{{"license": part{"id": "MIT"}}}
	parts := []part{{"name": "std", "version": info.GoVersion, "licenses": licence}}
	for _, m := range info.Deps {
		parts = append(parts, part{"name": m.Path, "version": m.Version, "evidence": part{"licenses": licence}})
	}
	with := func(extra ...part) []part { return append(append([]part{}, parts...), extra...) }
	for name, c := range map[string]struct {
		format string
		parts  []part
		err    string // "": none
	}{
		"whole":      {"CycloneDX", parts, ""},
		"one less":   {"CycloneDX", parts[1:], "std " + info.GoVersion + " is in the program, and not listed"},
		"one more":   {"CycloneDX", with(part{"name": "example.org/other", "version": "v1.0.0"}), "example.org/other v1.0.0 is listed, and not in the program"},
		"no licence": {"CycloneDX", append(with()[:len(parts)-1], part{"name": parts[len(parts)-1]["name"], "version": parts[len(parts)-1]["version"]}), "has no licence"},
		"SPDX":       {"SPDX", parts, "not in CycloneDX"},
	} {
		path := filepath.Join(t.TempDir(), "bill.json")
		data, err := json.Marshal(part{"bomFormat": c.format, "components": c.parts})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		err = checkBill(program, path)
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v, want %q", name, err, c.err)
		}
	}
}

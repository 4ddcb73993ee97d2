package model_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"burble/gguf"
	"burble/inference/model"
)

var update = flag.Bool("update", false, "write the table of docs/models.md anew")

// modelsTable is where the generated table is, between two comments.
const (
	modelsFile  = "../../docs/models.md"
	modelsBegin = "<!-- go test ./inference/model -run TestModelsTable -update -->"
	modelsEnd   = "<!-- end of the table -->"
)

// modelsRow is what the table says of an architecture.
type modelsRow struct {
	own, further []string // goldens in testdata, and those of the reference data beside the repository
	err          float64  // the largest relative error of any
}

// TestModelsTable holds the table of docs/models.md to the goldens that there are: every architecture has one, none is missing
// from the table, and errors are within the tolerance. Errors differ a little between processors, so the table's are those of
// the machine it was made on.
func TestModelsTable(t *testing.T) {
	rows := map[string]*modelsRow{}
	hasFurther := false
	for _, name := range goldens(t) {
		path := shared(t, "goldens", name, "model.gguf")
		f, err := gguf.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		arch, _, err := model.Architecture(f)
		f.Close()
		if errors.Is(err, model.ErrUnsupported) {
			t.Errorf("golden %s: %v", name, err)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		row := rows[arch]
		if row == nil {
			row = &modelsRow{}
			rows[arch] = row
		}
		if strings.HasPrefix(path, "testdata"+string(filepath.Separator)) {
			row.own = append(row.own, name)
		} else {
			row.further, hasFurther = append(row.further, name), true
		}
		for _, n := range []int{1, 64} {
			row.err = max(row.err, goldenError(t, name, n))
		}
	}
	var b strings.Builder
	b.WriteString("| `general.architecture` | goldens | further ones, in the reference data | largest error |\n| --- | --- | --- | --- |\n")
	for _, arch := range model.Architectures() {
		row := rows[arch]
		if row == nil {
			if hasFurther {
				t.Errorf("architecture %s has no golden", arch)
			}
			continue
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %.0e |\n", arch, strings.Join(row.own, ", "), strings.Join(row.further, ", "), row.err)
	}

	text, err := os.ReadFile(modelsFile)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), modelsBegin+"\n")
	old, after, ok2 := strings.Cut(rest, modelsEnd)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the table", modelsFile)
	}
	if *update {
		if !hasFurther {
			t.Fatal("the table is made where the reference data is")
		}
		if err := os.WriteFile(modelsFile, []byte(before+modelsBegin+"\n"+b.String()+modelsEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	checkModelsTable(t, old, rows, hasFurther)
}

// checkModelsTable compares the table as it is written with the goldens that were found.
func checkModelsTable(t *testing.T, table string, rows map[string]*modelsRow, hasFurther bool) {
	t.Helper()
	const stale = "docs/models.md is out of date; run: go test ./inference/model -run TestModelsTable -update"
	seen := map[string]bool{}
	for _, line := range strings.Split(strings.TrimSpace(table), "\n")[2:] {
		cells := strings.Split(line, "|")
		if len(cells) != 6 {
			t.Fatalf("%q is no row of the table", line)
		}
		for i := range cells {
			cells[i] = strings.Trim(cells[i], " `")
		}
		arch := cells[1]
		seen[arch] = true
		if e, err := strconv.ParseFloat(cells[4], 64); err != nil || !(e <= 2e-5) {
			t.Errorf("%s: an error of %s", arch, cells[4])
		}
		row := rows[arch]
		switch {
		case !slices.Contains(model.Architectures(), arch):
			t.Errorf("%s is not an architecture. %s", arch, stale)
		case row == nil:
			if hasFurther || cells[2] != "" {
				t.Errorf("%s has no golden any more. %s", arch, stale)
			}
		case cells[2] != strings.Join(row.own, ", ") || hasFurther && cells[3] != strings.Join(row.further, ", "):
			t.Errorf("%s has other goldens. %s", arch, stale)
		}
	}
	for arch := range rows {
		if !seen[arch] {
			t.Errorf("%s is missing. %s", arch, stale)
		}
	}
}

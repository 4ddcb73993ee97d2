package main

import (
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
)

// bill is what is read of a software bill of materials in CycloneDX. See https://cyclonedx.org/docs/1.6/json/
type bill struct {
	Format     string `json:"bomFormat"`
	Components []struct {
		Name, Version string
		Licenses      []any
		Evidence      struct{ Licenses []any } // found in the module's files, not declared
	}
}

// checkBill holds a bill of materials to the program that it is of: each module that the linker noted in the program has to be
// in it, in the same version, with a licence, and there has to be nothing else.
func checkBill(binary, path string) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return fmt.Errorf("what %s is made of: %w", binary, err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var b bill
	if err := json.Unmarshal(data, &b); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if b.Format != "CycloneDX" {
		return fmt.Errorf("%s is a %q, not in CycloneDX", path, b.Format)
	}
	want := map[string]bool{"std " + info.GoVersion: true}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		want[m.Path+" "+m.Version] = true
	}
	var wrong []string
	for _, c := range b.Components {
		part := c.Name + " " + c.Version
		if !want[part] {
			wrong = append(wrong, part+" is listed, and not in the program")
		} else if c.Name != "std" && len(c.Licenses)+len(c.Evidence.Licenses) == 0 { // Go's is not looked up, as it is no module
			wrong = append(wrong, part+" has no licence")
		}
		delete(want, part)
	}
	for part := range want {
		wrong = append(wrong, part+" is in the program, and not listed")
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return fmt.Errorf("%s:\n%s", path, strings.Join(wrong, "\n"))
	}
	fmt.Printf("%s lists the %d parts of %s.\n", path, len(b.Components), binary)
	return nil
}

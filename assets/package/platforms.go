package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// windows writes what a Windows build needs: the icon, the resource script that windres compiles into the program, and
// the installer's definition for Inno Setup.
func windows(root, out string, r release) error {
	svg, err := os.ReadFile(filepath.Join(root, "assets", "icon.svg"))
	if err != nil {
		return err
	}
	icon, err := ico(svg, 16, 24, 32, 48, 64, 128, 256)
	if err != nil {
		return err
	}
	if err := write(filepath.Join(out, "burble.ico"), icon, 0o644, r); err != nil {
		return err
	}
	for _, name := range []string{"burble.rc", "burble.exe.manifest", "burble.iss"} {
		data, err := fill(name, r)
		if err != nil {
			return err
		}
		if err := write(filepath.Join(out, name), data, 0o644, r); err != nil {
			return err
		}
	}
	return nil
}

// mac writes an application bundle around the program.
func mac(root, binary, out string, r release) error {
	svg, err := os.ReadFile(filepath.Join(root, "assets", "icon.svg"))
	if err != nil {
		return err
	}
	program, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	icon, err := icns(svg)
	if err != nil {
		return err
	}
	plist, err := fill("Info.plist", r)
	if err != nil {
		return err
	}
	bundle := filepath.Join(out, fmt.Sprintf("%s.app", r.Name), "Contents")
	for _, f := range []struct {
		path string
		data []byte
		mode os.FileMode
	}{{"Info.plist", plist, 0o644}, {"MacOS/burble", program, 0o755}, {"Resources/burble.icns", icon, 0o644}} {
		if err := write(filepath.Join(bundle, filepath.FromSlash(f.path)), f.data, f.mode, r); err != nil {
			return err
		}
	}
	return nil
}

// Burble is a desktop chat for language models that run on this machine.
package main

import (
	"os"

	"burble/app/attach"
	"burble/app/terminal"
	"burble/hip"
)

func main() {
	attachConsole()
	hip.MaybeCompileChild() // GPU kernels are compiled in a child process of this binary
	attach.MaybeChild()     // and attached documents are read in one
	os.Exit(terminal.Main(os.Args[1:], window))
}

// Burble is a desktop chat for language models that run on this machine.
package main

import (
	"os"

	"burble/app/terminal"
	"burble/hip"
)

func main() {
	attachConsole()
	hip.MaybeCompileChild() // GPU kernels are compiled in a child process of this binary
	os.Exit(terminal.Main(os.Args[1:], window))
}

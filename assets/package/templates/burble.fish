# Completes burble's commands and options, and model files.
complete -c burble -n __fish_use_subcommand -k -a '(__fish_complete_suffix .gguf)'{{range .Commands}}{{if .Name}}
complete -c burble -n __fish_use_subcommand -a {{.Name}} -d '{{quote .Does}}'{{$command := .Name}}{{range .Options}}
complete -c burble -n '__fish_seen_subcommand_from {{$command}}' -o {{.Name}}{{if .Value}} -r{{end}} -d '{{quote .Does}}'{{end}}{{end}}{{end}}

# Completion of rung for fish. What fits is answered by the program itself:
# `rung __complete WORD...` prints one candidate a line with what it means, and
# after it a line ":files", ":directories", ":commands" or ":users" where fish
# knows more.

function __rung_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    # Behind "--option=" only the value is a path.
    set -l before (string match -r -- '^-[^=]*=' $current)
    set -l typed (string replace -r -- '^-[^=]*=' '' $current)
    for line in ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case :files
                string replace -r -- '^' "$before" (__fish_complete_path "$typed")
            case :directories
                string replace -r -- '^' "$before" (__fish_complete_directories "$typed")
            case :commands
                complete -C "$typed"
            case :users
                __fish_complete_users
            case ':*'
            case '*'
                echo $line
        end
    end
end

complete -c rung -f -a '(__rung_complete)'
complete -c rung-oci -f -a '(__rung_complete)'

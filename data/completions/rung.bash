# shellcheck shell=bash
# Completion of rung for bash. What fits is answered by the program itself:
# `rung __complete WORD...` prints one candidate a line, and after it a line
# ":files", ":directories", ":commands" or ":users" where bash knows more.

_rung() {
	local rest=${COMP_LINE:0:COMP_POINT} words=() blanks word i

	# Bash also breaks words at "=" and ":". Join what stands together in the line.
	for ((i = 0; i <= COMP_CWORD; i++)); do
		blanks=${rest%%[![:space:]]*}
		rest=${rest#"$blanks"}
		word=${COMP_WORDS[i]}
		((i == COMP_CWORD)) && word=$rest
		if ((i > 0)) && [[ -z $blanks ]]; then
			words[${#words[@]} - 1]+=$word
		else
			words+=("$word")
		fi
		rest=${rest#"$word"}
	done

	# Readline replaces only what stands behind the last break.
	local current=${words[${#words[@]} - 1]} typed before line
	typed=${current##*[=:]}
	before=${current%"$typed"}

	COMPREPLY=()
	while IFS= read -r line; do
		case $line in
		:files) compopt -o filenames && mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$typed") ;;
		:directories) compopt -o filenames && mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "$typed") ;;
		:commands) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -c -- "$typed") ;;
		:users) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -u -- "$typed") ;;
		:nospace) compopt -o nospace ;;
		*)
			line=${line%%$'\t'*}
			COMPREPLY+=("${line#"$before"}")
			;;
		esac
	done < <("${words[0]/#\~/$HOME}" __complete "${words[@]:1}" 2>/dev/null)
}

complete -F _rung rung rung-oci

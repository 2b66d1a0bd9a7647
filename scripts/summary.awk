#!/usr/bin/awk -f
# Counts the lines of AVA's report, and those of the virtual machines, which look like them. A test that is skipped here and passes
# there is not skipped, nor the other way round. A file that crashes, hangs, exits early or has no tests is one failure, however many
# lines AVA has for it. AVA failing without any such line is a failure too, and so is a run without a test.
# What is skipped says behind a colon for want of what; for want of a package that can be installed nothing may be skipped. Where something failed, what AVA and the machines tell of it comes once more, at the end,
# where somebody looks first and where a cut log still has it.

function lose(what) { if (!(what in lost)) { lost[what]; losses[++failed] = what } }

# The title alone: without the time it took, and without the machine.
function title(line) { sub(/^  [^ ]+ (\[skip\] )?(vm › )?/, "", line); sub(/ \([0-9.m ]+s\)$/, "", line); return line }
function passes_elsewhere(line,   each) {
	line = title(line)
	for (each in passes) if (line == each || index(line, each ": ") == 1) return 1
	return 0
}

# AVA's report of failures stands between lines, a machine's under its title.
/^  ─$/ { report = 1; next }
/^── / { report = 0 }
/^  (✔|√|✘|×|-|ℹ) / { machine = 0 }
/^  (✘|×) \[fail\]: vm › / { machine = 1 }
report || machine { told[++tellings] = $0 }
/^  (✔|√) / { passed++; ran++; passes[title($0)] }
/^  - \[(skip|todo)\] / { skip_lines[++skip_count] = $0 }
/^  (✘|×) \[fail\]: / { ran++; lose(substr($0, index($0, ": ") + 2)); next }
/^  ((✘|×)|Uncaught|Unhandled|Failed to exit|[0-9]+ tests were pending) / && match($0, /test\/[^ ,:]+/) { lose(substr($0, RSTART, RLENGTH)) }
/^── (types|lint) ended with status 0$/ { passed++ }
/^── (types|lint) ended with status [^0]/ { lose($2); others++ }
/^── tests ended with status [^0]/ { if (failed == others) lose("AVA itself") }
/^── tests ended/ { before = failed }
/^── virtual machines ended with status [^0]/ { if (failed == before) lose("virtual machines") }

END {
	if (!ran && failed == others) lose("no test ran")
	for (i = 1; i <= skip_count; i++) if (passes_elsewhere(skip_lines[i])) {
		if (!elsewhere++) print "\nSkipped on one machine, passed on the other:"
		print "  " title(skip_lines[i])
	} else {
		skips[++skipped] = substr(skip_lines[i], index(skip_lines[i], "] ") + 2)
		if (skip_lines[i] ~ /(apt-get|npm) (install|ci)/) lose("skipped for want of what can be installed: " skips[skipped])
	}
	if (skipped) print "\nSkipped:"
	for (i = 1; i <= skipped; i++) print "  " skips[i]
	if (failed) {
		for (i = 1; i <= tellings; i++) print told[i]
		print "\nFailed:"
	}
	for (i = 1; i <= failed; i++) print "  " losses[i]
	if (seconds != "") printf "\nIn %d min %d s.\n", seconds / 60, seconds % 60
	printf "\n%d passed, %d failed, %d skipped\n", passed, failed, skipped
	exit failed > 0
}

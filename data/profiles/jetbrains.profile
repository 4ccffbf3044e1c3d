summary IDEs of JetBrains and Eclipse: the tree, their own directories, the tool chains of the system
program idea idea.sh pycharm pycharm.sh clion clion.sh goland webstorm phpstorm rubymine eclipse
include editor
include desktop
allow exec=?/opt
allow write=?${CONFIG}/JetBrains
allow write=?${DATA}/JetBrains
allow write=?${CACHE}/JetBrains
allow exec=?${DATA}/JetBrains
allow write=?~/.eclipse
allow write=?~/eclipse-workspace
allow write=?~/.m2
allow write=?~/.gradle
allow exec=${PROJECT}
allow write=?${PROJECT}/.idea
allow ptrace
ask net
limit pids 8000

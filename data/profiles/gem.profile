summary RubyGems and Bundler: native extensions are built at installation, behind the wall
program gem bundle bundler rake
include packages
allow net=rubygems.org:443
allow net=index.rubygems.org:443
allow write=+~/.gem
allow write=?${DATA}/gem
allow write=?~/.bundle
allow env=GEM_HOME
allow env=BUNDLE_PATH

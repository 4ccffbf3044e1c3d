summary Composer: PHP packages into the tree
program composer
include packages
allow net=repo.packagist.org:443
allow net=packagist.org:443
allow write=+${CACHE}/composer
allow read=?${CONFIG}/composer/config.json

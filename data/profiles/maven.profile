summary Maven, Gradle and sbt: plug-ins are code of strangers; the tree, their caches, Maven Central
program mvn gradle sbt ant lein
include packages
allow net=repo.maven.apache.org:443
allow net=repo1.maven.org:443
allow net=plugins.gradle.org:443
allow net=services.gradle.org:443
allow write=+~/.m2
allow write=+~/.gradle
allow exec=?~/.gradle
allow write=?~/.ivy2
allow write=?~/.sbt
allow env=JAVA_HOME
allow env=MAVEN_OPTS
allow env=GRADLE_OPTS

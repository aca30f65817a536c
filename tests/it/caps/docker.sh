# Lists few objects, 256 events, or very many; a short log, or a long one.
few=seq\ 1\ 3
case "$*" in
    *'{{range .Mounts}}'* | 'volume ls -q' | 'ps -aq --no-trunc --filter label='*) exit 0 ;;
    'volume inspect -f '*) echo no such volume >&2; exit 1 ;;
    *' config'*) while [ $# -gt 0 ]; do case $1 in -f) f=$2 ;; esac; shift; done; cat "$f"; exit ;;
    *few*images* | images*few*) seq 1 2 | sed 's/.*/{"ID":"&","Labels":"a=b"}/'; exit ;;
    events*container=kept*) seq 1 256 | sed 's/.*/{"time":&}/'; exit ;;
    events*few*) $few | sed 's/.*/{"time":&}/'; exit ;;
    *logs*) case "$*" in *few*) seq 1 5 ;; *) seq 1 60000 ;; esac; exit ;;
    *ps*few*) printf '{"Service":"s","Labels":"a=b","State":"%s"}\n' running exited created; exit ;;
    *' ps '*-q*) exit 0 ;;
esac
seq 1 6000 | sed 's/.*/{"a":&}/'

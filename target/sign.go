package target

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"time"
)

// sign signs a request, so that its receiver can check who sent it and when:
// Tablecast-Timestamp is in seconds since 1970, and Tablecast-Signature is v1= and,
// in hexadecimal, the HMAC-SHA256 with the secret over the timestamp, a dot, the
// event's id, a dot and the body. A receiver that rejects old timestamps cannot be
// sent a recorded request again.
func sign(h http.Header, secret []byte, now time.Time, id string, body []byte) {
	at := strconv.FormatInt(now.Unix(), 10)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(at + "." + id + "."))
	mac.Write(body)
	h.Set("Tablecast-Timestamp", at)
	h.Set("Tablecast-Signature", "v1="+hex.EncodeToString(mac.Sum(nil)))
}

package throttle

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"strings"
	"time"

	"github.com/passbearer/passbearer/internal/mac"
)

// DeviceCookie is the name of the cookie by which a device is known again. It is
// HttpOnly, Secure (browsers take it from localhost too) and SameSite=Strict.
const DeviceCookie = "__Host-passbearer-device"

// DeviceLifetime is how long a device is known after its last sign-in.
const DeviceLifetime = 180 * 24 * time.Hour

const (
	devices      = 8 // allowances of a user
	cookieTokens = 4 // users of a device
	maxCookie    = 256
)

// A device token is base64url of
//
//	version 1 | number of the allowance 1 | last day 2 | tag 16
//
// The tag is an HMAC over the rest, the epoch and the user's id, which the token
// does not say. It opens nothing: it only tells apart who may try.
const (
	deviceVersion = 1
	deviceHead    = 4
	deviceTag     = 16
	deviceSize    = deviceHead + deviceTag
)

var deviceEncoding = base64.RawURLEncoding.Strict()

type deviceToken [deviceSize]byte

func (t deviceToken) slot() int { return int(t[1]) }
func (t deviceToken) expired(now time.Time) bool {
	return day(now) > binary.BigEndian.Uint16(t[2:])
}

// day is counted from 1970.
func day(t time.Time) uint16 { return uint16(t.Unix() / (24 * 60 * 60)) }

// deviceTokens reads the cookie, and leaves out what is no token or has
// expired. Whether one is genuine shows only with a user.
func (l *Limiter) deviceTokens(r *http.Request) (tokens []deviceToken) {
	cookie, err := r.Cookie(DeviceCookie)
	if err != nil || len(cookie.Value) > maxCookie {
		return nil
	}
	for text := range strings.SplitSeq(cookie.Value, ".") {
		b, err := deviceEncoding.DecodeString(text)
		if err != nil || len(b) != deviceSize || b[0] != deviceVersion || b[1] >= devices {
			continue
		}
		if t := deviceToken(b); !t.expired(l.opts.Now()) {
			tokens = append(tokens, t)
		}
		if len(tokens) == cookieTokens {
			break
		}
	}
	return tokens
}

// device is what a request's cookie says of a user.
type device struct {
	tokens []deviceToken
	mine   int // which of them is the user's, or -1
}

// device does the same work where there is no such user.
func (l *Limiter) device(r *http.Request, userID string, epoch int64) device {
	d := device{mine: -1}
	if l.opts.NoDeviceCookie {
		return d
	}
	d.tokens = l.deviceTokens(r)
	for i, t := range d.tokens {
		for _, key := range l.deviceKeys {
			if tag := t.tag(key, userID, epoch); hmac.Equal(t[deviceHead:], tag[:deviceTag]) {
				d.mine = i
			}
		}
	}
	return d
}

func (t deviceToken) tag(key *mac.Key, userID string, epoch int64) [mac.Size]byte {
	text := append(make([]byte, 0, deviceHead+8), t[:deviceHead]...)
	text = binary.BigEndian.AppendUint64(text, uint64(epoch))
	return key.Sum(string(text), userID)
}

// deviceSlot is the same for all new devices of a user in one network, so that
// nobody collects allowances there by signing in again and again.
func (l *Limiter) deviceSlot(r *http.Request, userID string) byte {
	var text [48]byte // a network is shorter
	from := network(l.ClientAddress(r)).AppendTo(text[:0])
	sum := l.deviceKeys[0].Sum("slot ", string(from), " ", userID)
	return sum[0] % devices
}

// DeviceCookie returns the cookie by which the device that sent r is known as the
// user's from now on, or nil where there is none to set. A passbearer.TokenHandler
// sets it when a password was right. A page that changes a password, or resets one
// that was forgotten, should set it with the user's new epoch: the old cookie is
// void, and strangers may have used up what there is without one.
func (l *Limiter) DeviceCookie(r *http.Request, userID string, epoch int64) *http.Cookie {
	if l.opts.NoDeviceCookie || userID == "" {
		return nil
	}
	d := l.device(r, userID, epoch)
	t := deviceToken{deviceVersion}
	if d.mine >= 0 {
		t[1] = byte(d.tokens[d.mine].slot())
	} else {
		t[1] = l.deviceSlot(r, userID)
	}
	binary.BigEndian.PutUint16(t[2:], day(l.opts.Now().Add(DeviceLifetime)))
	tag := t.tag(l.deviceKeys[0], userID, epoch)
	copy(t[deviceHead:], tag[:])
	texts := []string{deviceEncoding.EncodeToString(t[:])}
	for i, other := range d.tokens {
		if i != d.mine && len(texts) < cookieTokens {
			texts = append(texts, deviceEncoding.EncodeToString(other[:]))
		}
	}
	return &http.Cookie{
		Name: DeviceCookie, Value: strings.Join(texts, "."), Path: "/", MaxAge: int(DeviceLifetime / time.Second),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	}
}

package projector
import _ "reddot/projector/twin"

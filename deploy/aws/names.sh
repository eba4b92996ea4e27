# What the commands of docs/deploy-aws.md have alike. Read by bash or zsh, after ~/ledger-aws.sh.

export REGISTRY=$ACCOUNT.dkr.ecr.$AWS_REGION.amazonaws.com

# One output of a stack: output_of data SecretKeyArn
output_of() {
    aws cloudformation describe-stacks --stack-name "ledger-$1" --output text \
        --query "Stacks[0].Outputs[?OutputKey=='$2'].OutputValue"
}

# Starts a task by its name, with more arguments for the CLI, and prints its ARN: run_task audit
run_task() {
    local name=$1 network
    shift
    network="subnets=[$(output_of data TasksSubnets)],securityGroups=[$(output_of data CommandsGroup)]"
    aws ecs run-task --cluster ledger --task-definition "ledger-$name" --launch-type FARGATE \
        --network-configuration "awsvpcConfiguration={$network,assignPublicIp=DISABLED}" \
        --query "tasks[0].taskArn" --output text "$@"
}

# PENDING, RUNNING, STOPPED ...
status_of() {
    aws ecs describe-tasks --cluster ledger --tasks "$1" --output text --query "tasks[0].lastStatus"
}

# Of what opens a shell in a task.
agent_of() {
    aws ecs describe-tasks --cluster ledger --tasks "$1" --output text \
        --query "tasks[0].containers[0].managedAgents[?name=='ExecuteCommandAgent'].lastStatus"
}

# EMAIL_URL of SMTP_USER and SMTP_PASSWORD at SMTP_HOST.
email_url() {
    python3 - <<'END'
from os import environ
from urllib.parse import quote

user, password = (quote(environ[name], safe="") for name in ("SMTP_USER", "SMTP_PASSWORD"))
print(f"smtp+tls://{user}:{password}@{environ['SMTP_HOST']}:587")
END
}

# Both stacks; arguments such as -c image_tag=3f2c1ab come after those of here.
deploy() {
    local mail
    mail=$(aws secretsmanager describe-secret --secret-id ledger/mail --query ARN --output text)
    (cd deploy/aws && npx aws-cdk@2 deploy --all -c "account=$ACCOUNT" -c "region=$AWS_REGION" \
        -c "domain=$DOMAIN" -c "zone_name=$ZONE" -c "zone_id=$ZONE_ID" -c "size=$SIZE" \
        -c "database=$DATABASE" -c "mail_secret=$mail" -c "alarm_email=$OPERATIONS" "$@")
}
